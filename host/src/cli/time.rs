//! Times on the command line: `90s`, `24h`, `7d`.

use std::time::Duration;

/// A time. It is told how one is written.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write a time such as `90s`, `24h` or `7d`"))
}

/// A time that is not nothing.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("it has to be longer than no time at all".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_told_how_one_is_written() {
        assert_eq!(some_time("90min"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "x", "7", "-1h", "1 fortnight"] {
            assert!(time(wrong).unwrap_err().contains("such as `90s`, `24h` or `7d`"), "{wrong}");
        }
        assert_eq!(time("0s"), Ok(Duration::ZERO));
        assert!(some_time("0h").is_err());
    }
}
