//! The door of what is served: nobody reaches a front without a token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::attempts::Peer;
use super::caller::{Caller, Connection};
use super::service::{Access, unauthorized};
use crate::problem::{Code, Problem};

/// Lets in who shows a token, with the [`Caller`] in the request's extensions:
/// `.layer(axum::middleware::from_fn_with_state(access, gate))`.
///
/// A request that has a caller already comes from who has let it in by other means, and goes on. How it came is in the extensions, too
/// ([`Connection`]): without that, all of them count as one.
///
/// # Errors
///
/// 401 without a valid token, 429 after too many wrong ones.
pub async fn gate(State(access): State<Access>, request: Request, next: Next) -> Result<Response, Problem> {
    let_in(&access, request, |request| next.run(request)).await
}

/// [`gate`], before whatever comes next.
pub(crate) async fn let_in<N, A>(access: &Access, mut request: Request, next: N) -> Result<Response, Problem>
where
    N: FnOnce(Request) -> A,
    A: Future<Output = Response>,
{
    let peer = request.extensions().get::<Connection>().map_or(Peer::Local, |connection| connection.peer);
    let caller = match request.extensions().get::<Caller>() {
        Some(caller) => caller.clone(),
        None => {
            let caller = access.admit(bearer(request.headers())?, peer).await?;
            request.extensions_mut().insert(caller.clone());
            caller
        }
    };
    // No front needs the token itself.
    request.headers_mut().remove(header::AUTHORIZATION);
    let response = next(request).await;
    if response.extensions().get::<Code>() == Some(&Code::Forbidden)
        && let Some(problem) = access.refused(peer, Some(&caller), Code::Forbidden).await
    {
        return Ok(problem.into_response());
    }
    Ok(response)
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut all = headers.get_all(header::AUTHORIZATION).into_iter();
    let missing =
        || unauthorized("send a token: `Authorization: Bearer th_…`; `toolhold tokens create` makes one", None);
    let one = all.next().ok_or_else(missing)?;
    // Two of them mean two things to two readers.
    if all.next().is_some() {
        return Err(Problem::new(Code::BadRequest, "there is more than one `Authorization` header"));
    }
    let (scheme, token) = one.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::os::unix::fs::PermissionsExt as _;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::super::attempts::{MOST_PER_PEER, MOST_RECORDED};
    use super::super::{Role, Secret, Token, TokenFile, needs};
    use super::*;
    use crate::journal::{Journal, Options};

    const PEER: Peer = Peer::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// A served route that needs the role `run`, and who may ask it.
    struct Served {
        _folder: tempfile::TempDir,
        file: TokenFile,
        journal: Journal,
        router: Router,
    }

    impl Served {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let journal = Journal::open(&folder.path().join("state"), &Options::default()).unwrap();
            let file = TokenFile::of_state(journal.directory());
            let access = Access::open(file.clone(), journal.clone()).await.unwrap();
            let router = Router::new()
                .route("/run", get(|caller: Caller| async move { caller.name.to_string() }))
                .route_layer(from_fn_with_state(Role::Run, needs))
                .route("/me", get(|headers: HeaderMap| async move { format!("{headers:?}") }))
                .layer(from_fn_with_state(access, gate))
                .layer(from_fn(|mut request: Request, next: Next| async move {
                    request.extensions_mut().insert(Connection { peer: PEER, encrypted: false });
                    next.run(request).await
                }));
            Self { _folder: folder, file, journal, router }
        }

        fn token(&self, name: &str, role: Role, expires: Option<i64>) -> String {
            let secret = Secret::new().unwrap();
            let (name, digest, created) = (name.parse().unwrap(), secret.digest(), crate::clock::now());
            let expires = expires.map(|seconds| created + jiff::SignedDuration::from_secs(seconds));
            self.file.change(|tokens| tokens.add(Token { name, role, digest, created, expires })).unwrap();
            secret.reveal().to_owned()
        }

        async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
            let mut request = Request::get(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 1 << 16).await.unwrap();
            (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
        }

        async fn with(&self, token: &str) -> StatusCode {
            self.ask("/run", &[("authorization", &format!("Bearer {token}"))]).await.0
        }

        fn audit(&self) -> String {
            self.journal.flush_blocking().unwrap();
            let mut text = Vec::new();
            self.journal.reader().unwrap().export(0, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_gets_in_without_a_token() {
        let served = Served::new().await;
        let token = served.token("ci", Role::Run, None);
        for headers in [
            &[] as &[(&str, &str)],
            &[("authorization", "Basic dTpw")],
            &[("authorization", "Bearer")],
            &[("authorization", token.as_str())],
            &[("x-token", token.as_str())],
        ] {
            let (status, headers, body) = served.ask("/run", headers).await;
            assert_eq!(
                (status, &headers["www-authenticate"]),
                (StatusCode::UNAUTHORIZED, &"Bearer realm=\"toolhold\"".parse().unwrap())
            );
            assert!(body.contains(r#""code":"unauthorized""#), "{body}");
        }
        let bearer = format!("Bearer {token}");
        let two = [("authorization", bearer.as_str()), ("authorization", "Bearer th_x")];
        assert_eq!(served.ask("/run", &two).await.0, StatusCode::BAD_REQUEST);
        let (status, _, body) = served.ask("/run", &[("authorization", &bearer)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ci"));
        // What lies behind the door does not learn the token.
        let (_, _, seen) = served.ask("/me", &[("authorization", &bearer)]).await;
        assert!(!seen.contains("th_"), "{seen}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_an_expired_and_a_revoked_token_are_worth_nothing_at_once() {
        let served = Served::new().await;
        let (good, old) = (served.token("good", Role::Run, None), served.token("old", Role::Run, Some(-1)));
        assert_eq!((served.with(&good).await, served.with(&old).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));
        let (status, headers, _) = served.ask("/run", &[("authorization", "Bearer th_wrong")]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
        served.file.change(|tokens| tokens.remove("good")).unwrap();
        assert_eq!(served.with(&good).await, StatusCode::UNAUTHORIZED);
        // Another token of the same name is another token.
        let again = served.token("good", Role::Run, None);
        assert_eq!((served.with(&again).await, served.with(&good).await), (StatusCode::OK, StatusCode::UNAUTHORIZED));
        let audit = served.audit();
        assert!(audit.contains("tokens-loaded") && audit.contains("good run"), "{audit}");
        assert!(audit.contains("access-refused") && !audit.contains("th_"), "{audit}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_role_that_is_too_small_is_told_which_one_it_takes() {
        let served = Served::new().await;
        for (role, expected) in [
            (Role::Observe, StatusCode::FORBIDDEN),
            (Role::Run, StatusCode::OK),
            (Role::Approve, StatusCode::FORBIDDEN),
            (Role::Admin, StatusCode::OK),
        ] {
            let token = served.token(role.as_str(), role, None);
            assert_eq!(served.with(&token).await, expected, "{role}");
        }
        let token = served.token("other", Role::Observe, None);
        let (_, _, body) = served.ask("/run", &[("authorization", &format!("Bearer {token}"))]).await;
        assert!(body.contains(r#""needed":"run""#), "{body}");
        let audit = served.audit();
        assert!(audit.contains(r#""code":"forbidden""#) && audit.contains(r#""caller":"observe""#), "{audit}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_of_wrong_tokens_waits_and_locks_nobody_out() {
        let served = Served::new().await;
        let good = served.token("good", Role::Run, None);
        let mut last = StatusCode::OK;
        for number in 0..4 * MOST_PER_PEER {
            last = served.with(&format!("th_{number}")).await;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(served.with(&good).await, StatusCode::OK);
        let told = served.audit().matches("access-refused").count();
        // The flood may have been in two minutes.
        assert!((1..=2 * MOST_RECORDED as usize).contains(&told), "{told}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_others_can_write_lets_nobody_in_until_it_is_mended() {
        let served = Served::new().await;
        let good = served.token("good", Role::Run, None);
        assert_eq!(served.with(&good).await, StatusCode::OK);
        let mode = |mode| std::fs::set_permissions(served.file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o602);
        assert_eq!(served.with(&good).await, StatusCode::SERVICE_UNAVAILABLE);
        mode(0o600);
        assert_eq!(served.with(&good).await, StatusCode::OK);
        std::fs::remove_file(served.file.path()).unwrap();
        assert_eq!(served.with(&good).await, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_caller_that_was_let_in_stands_as_long_as_its_token_does() {
        let served = Served::new().await;
        let good = served.token("good", Role::Run, None);
        let access = Access::open(served.file.clone(), served.journal.clone()).await.unwrap();
        let caller = access.admit(&good, PEER).await.unwrap();
        assert!(access.stands(&caller).await && access.stands(&Caller::local("me")).await);
        served.file.change(|tokens| tokens.remove("good")).unwrap();
        assert!(!access.stands(&caller).await);
        served.token("good", Role::Admin, None);
        assert!(!access.stands(&caller).await, "the name alone is worth nothing");
    }
}
