//! The standard environment variables of OpenTelemetry that make sense here, read once and checked.
//!
//! They may be set for a whole machine and other programs. So what is wrong is said, and spans are then not sent: no command fails
//! because of it.

use std::collections::HashMap;
use std::time::Duration;

use url::Url;

/// Spans that wait to be sent, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise. What does not fit is dropped.
const QUEUE: usize = 2048;

/// The longest queue.
const LONGEST_QUEUE: usize = 1 << 16;

/// Spans that are sent at once.
const BATCH: usize = 512;

/// How spans are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where to: the whole URL.
    pub endpoint: Url,
    /// What goes along with each request. Values may be secret.
    pub headers: HashMap<String, String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// `service.name`.
    pub service: String,
    /// More about this process.
    pub resource: Vec<(String, String)>,
    /// Spans that wait to be sent.
    pub queue: usize,
    /// Spans that are sent at once.
    pub batch: usize,
    /// The longest time that a span waits.
    pub delay: Duration,
    /// Arguments and results of calls go into spans.
    pub content: bool,
}

/// Which traces are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// All.
    All,
    /// None.
    None,
    /// This share of them.
    Share(f64),
    /// Those that the caller keeps; of those that begin here, all.
    CallersOrAll,
    /// Those that the caller keeps; none of those that begin here.
    CallersOrNone,
    /// Those that the caller keeps; of those that begin here, this share.
    CallersOrShare(f64),
}

/// A variable is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no spans are sent: `{name}` {what}")]
pub struct BadVariable {
    /// Its name.
    pub name: &'static str,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// The variables of a process.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// What the environment says. `None` where it names no endpoint, or wants no spans sent.
    ///
    /// # Errors
    ///
    /// A variable is wrong.
    pub fn from_environment(of: Variables<'_>) -> Result<Option<Self>, BadVariable> {
        let set = |name: &str| of(name).filter(|value| !value.is_empty());
        let is_off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exporter = set("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
        if is_off || exporter == "none" {
            return Ok(None);
        }
        if exporter != "otlp" {
            return Err(bad("OTEL_TRACES_EXPORTER", "is not `otlp` or `none`"));
        }
        let Some(endpoint) = endpoint(&set)? else { return Ok(None) };
        protocol(&set)?;
        let queue = whole(&set, "OTEL_BSP_MAX_QUEUE_SIZE", QUEUE)?.clamp(1, LONGEST_QUEUE);
        Ok(Some(Self {
            endpoint,
            headers: headers(&set)?,
            timeout: milliseconds(&set, ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"], 10_000)?,
            sampling: sampling(&set)?,
            service: set("OTEL_SERVICE_NAME").unwrap_or_else(|| "toolhold".to_owned()),
            resource: pairs("OTEL_RESOURCE_ATTRIBUTES", &set("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default())?,
            queue,
            batch: whole(&set, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH)?.clamp(1, queue),
            delay: milliseconds(&set, ["OTEL_BSP_SCHEDULE_DELAY"], 5_000)?,
            content: flag(&set, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")?,
        }))
    }
}

fn bad(name: &'static str, what: impl Into<String>) -> BadVariable {
    BadVariable { name, what: what.into() }
}

type Set<'a> = &'a dyn Fn(&str) -> Option<String>;

fn endpoint(set: Set<'_>) -> Result<Option<Url>, BadVariable> {
    let (of_traces, of_all) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
    let (name, text) = match (set(of_traces), set(of_all)) {
        (Some(text), _) => (of_traces, text),
        // That of all signals is where their paths begin.
        (None, Some(text)) => (of_all, format!("{}/v1/traces", text.trim_end_matches('/'))),
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&text).map_err(|error| bad(name, format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad(name, "is no URL that begins with `http://` or `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad(name, "holds a password: put it into `OTEL_EXPORTER_OTLP_HEADERS`"));
    }
    Ok(Some(url))
}

fn protocol(set: Set<'_>) -> Result<(), BadVariable> {
    for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        match set(name).as_deref() {
            None => {}
            Some("http/protobuf") => return Ok(()),
            Some(_) => return Err(bad(name, "is not `http/protobuf`, which is what there is")),
        }
    }
    Ok(())
}

fn headers(set: Set<'_>) -> Result<HashMap<String, String>, BadVariable> {
    let name = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
    match set(name) {
        Some(text) => pairs(name, &text).map(|pairs| pairs.into_iter().collect()),
        None => {
            let name = "OTEL_EXPORTER_OTLP_HEADERS";
            pairs(name, &set(name).unwrap_or_default()).map(|pairs| pairs.into_iter().collect())
        }
    }
}

/// `a=b,c=d`, values percent-encoded. An error does not repeat the text: it may be secret.
fn pairs(name: &'static str, text: &str) -> Result<Vec<(String, String)>, BadVariable> {
    let wrong = || bad(name, "is not of the form `name=value,name=value`");
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong());
        }
        Ok((key.to_owned(), decoded(value.trim()).ok_or_else(wrong)?))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

/// A percent-encoded text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = tail;
            }
            (b'%', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn sampling(set: Set<'_>) -> Result<Sampling, BadVariable> {
    let share = || {
        let name = "OTEL_TRACES_SAMPLER_ARG";
        let Some(text) = set(name) else { return Ok(1.0) };
        let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| bad(name, "is not a number between 0 and 1"))
    };
    Ok(match set("OTEL_TRACES_SAMPLER").as_deref() {
        None | Some("parentbased_always_on") => Sampling::CallersOrAll,
        Some("always_on") => Sampling::All,
        Some("always_off") => Sampling::None,
        Some("traceidratio") => Sampling::Share(share()?),
        Some("parentbased_always_off") => Sampling::CallersOrNone,
        Some("parentbased_traceidratio") => Sampling::CallersOrShare(share()?),
        Some(_) => {
            return Err(bad(
                "OTEL_TRACES_SAMPLER",
                "is not one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, \
                 parentbased_traceidratio",
            ));
        }
    })
}

fn whole(set: Set<'_>, name: &'static str, default: usize) -> Result<usize, BadVariable> {
    match set(name) {
        None => Ok(default),
        Some(text) => text.trim().parse().map_err(|_| bad(name, "is no whole number")),
    }
}

fn milliseconds<const N: usize>(set: Set<'_>, names: [&'static str; N], default: u64) -> Result<Duration, BadVariable> {
    for name in names {
        if let Some(text) = set(name) {
            let number = text.trim().parse().map_err(|_| bad(name, "is no whole number of milliseconds"))?;
            return Ok(Duration::from_millis(number));
        }
    }
    Ok(Duration::from_millis(default))
}

fn flag(set: Set<'_>, name: &'static str) -> Result<bool, BadVariable> {
    match set(name) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(bad(name, "is not `true` or `false`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<Settings>, BadVariable> {
        Settings::from_environment(&|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_an_endpoint_nothing_is_sent() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(None));
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(read(&[endpoint, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
        assert_eq!(read(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
        assert!(read(&[endpoint]).unwrap().is_some());
    }

    #[test]
    fn content_is_not_sent_unless_it_is_asked_for() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let content = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
        assert!(!read(&[endpoint]).unwrap().unwrap().content);
        assert!(read(&[endpoint, (content, "true")]).unwrap().unwrap().content);
        assert!(!read(&[endpoint, (content, "False")]).unwrap().unwrap().content);
        assert_eq!(read(&[endpoint, (content, "SPAN_ONLY")]).unwrap_err().name, content);
    }

    #[test]
    fn what_is_said_of_traces_beats_what_is_said_of_all_signals() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://all:4318/v1/traces");
        assert_eq!((settings.headers["a"].as_str(), settings.timeout), ("1", Duration::from_millis(7)));
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces/in"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20x%3Dy, b=2"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_SERVICE_NAME", "gate"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.endpoint.as_str(), "https://traces/in");
        assert_eq!(settings.headers.len(), 2);
        assert_eq!(settings.headers["authorization"], "Bearer x=y");
        assert_eq!(settings.sampling, Sampling::CallersOrShare(0.25));
        assert_eq!((settings.service.as_str(), settings.queue, settings.batch), ("gate", 10, 10));
        assert_eq!(settings.resource, [("deployment.environment.name".to_owned(), "test".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_repeated() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "file:///etc/passwd"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://user:s3cr3t@collector/"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cr3t"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%s3"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ] {
            let error = read(&[endpoint, (name, value)]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
        let share = [endpoint, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        assert_eq!(read(&share).unwrap_err().name, "OTEL_TRACES_SAMPLER_ARG");
    }
}
