//! Values on the command line that the subcommands have in common.

use std::time::Duration;

/// A resource name.
pub(crate) fn path(text: &str) -> Result<String, String> {
    let visible = text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    match text.starts_with('/') && visible {
        true => Ok(text.to_owned()),
        false => Err("must begin with a slash and be visible ASCII".to_owned()),
    }
}

/// A time in seconds, which may be 0.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A time in seconds.
pub(crate) fn some_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("must be above 0".to_owned()),
        time => Ok(time),
    }
}
