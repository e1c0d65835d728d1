//! URLs: as a model writes them, and as servers redirect to them.

use toolhold_sdk::prelude::*;
use url::Url;

/// The URL to request.
///
/// # Errors
/// It is none, not `http` or `https`, or holds a password.
pub(crate) fn parse(text: &str) -> Result<Url> {
    let url = Url::parse(text.trim())
        .map_err(|error| Error::invalid_args(format!("`{text}` is no URL ({error}); write `https://host/path`")))?;
    check(url)
}

/// Where `location` leads from `base`.
///
/// # Errors
/// As for [`parse`].
pub(crate) fn join(base: &Url, location: &str) -> Result<Url> {
    let url = base.join(location.trim());
    let url =
        url.map_err(|error| Error::failed(format!("`{base}` redirects to `{location}`, which is no URL: {error}")))?;
    check(url)
}

fn check(mut url: Url) -> Result<Url> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::invalid_args(format!("`{url}` is not `http://` or `https://` with a host")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let message = "a URL must not hold a user or password; the operator can have the host add them";
        return Err(Error::invalid_args(message));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether two URLs have scheme, host and port in common.
pub(crate) fn same_origin(left: &Url, right: &Url) -> bool {
    left.origin() == right.origin()
}
