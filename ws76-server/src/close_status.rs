//! What a closing frame of RFC 6455 says.

use std::fmt;

/// A status code and a reason, as closing frames of RFC 6455 (§7.4) have them. Draft-76 has neither.
///
/// ```
/// use ws76_server::CloseStatus;
///
/// let status = CloseStatus::new(4001, "signed in elsewhere");
/// assert_eq!(status.map(|status| status.code()), Some(4001));
/// assert_eq!(CloseStatus::new(1006, ""), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseStatus {
    code: u16,
    reason: Box<str>,
}

impl CloseStatus {
    /// A status to send. `None` when the code may not be sent (only 1000 to 1003, 1007 to 1014 and
    /// 3000 to 4999 may) or the reason has more than 123 bytes.
    pub fn new(code: u16, reason: impl Into<Box<str>>) -> Option<Self> {
        let reason = reason.into();
        let fits = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) && reason.len() <= 123;
        fits.then_some(Self { code, reason })
    }

    #[cfg(feature = "rfc6455")]
    pub(crate) fn received(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The status code.
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The reason, which may be empty.
    pub const fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for CloseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_and_reasons_that_fit_in_a_frame_are_taken() {
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert!(CloseStatus::new(code, "x".repeat(123)).is_some(), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, u16::MAX] {
            assert!(CloseStatus::new(code, "").is_none(), "{code}");
        }
        assert!(CloseStatus::new(1000, "x".repeat(124)).is_none());
    }
}
