//! The fields that the handshake gives a meaning to.

use core::fmt;

/// A field with a meaning in the opening handshake; errors name it by this.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{HandshakeError, KnownField};
///
/// let error = HandshakeError::MissingField(KnownField::Host);
/// assert_eq!(error.to_string(), "field Host is missing");
/// assert_eq!(KnownField::SecWebSocketKey1.as_str(), "Sec-WebSocket-Key1");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownField {
    /// `Host`.
    Host,
    /// `Origin`.
    Origin,
    /// `Upgrade`.
    Upgrade,
    /// `Connection`.
    Connection,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Sec-WebSocket-Key`, of hybi-07 to RFC 6455.
    SecWebSocketKey,
    /// `Sec-WebSocket-Key1`.
    SecWebSocketKey1,
    /// `Sec-WebSocket-Key2`.
    SecWebSocketKey2,
    /// `Sec-WebSocket-Location`, of a server's reply.
    SecWebSocketLocation,
    /// `Sec-WebSocket-Origin`, of a server's reply, and of requests of versions 7 and 8.
    SecWebSocketOrigin,
    /// `Sec-WebSocket-Protocol`.
    SecWebSocketProtocol,
    /// `Sec-WebSocket-Version`, of hybi-07 to RFC 6455.
    SecWebSocketVersion,
    /// `WebSocket-Protocol`, of draft-75.
    WebSocketProtocol,
}

impl KnownField {
    /// The name as it is written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "Host",
            Self::Origin => "Origin",
            Self::Upgrade => "Upgrade",
            Self::Connection => "Connection",
            Self::ContentLength => "Content-Length",
            Self::TransferEncoding => "Transfer-Encoding",
            Self::SecWebSocketKey => "Sec-WebSocket-Key",
            Self::SecWebSocketKey1 => "Sec-WebSocket-Key1",
            Self::SecWebSocketKey2 => "Sec-WebSocket-Key2",
            Self::SecWebSocketLocation => "Sec-WebSocket-Location",
            Self::SecWebSocketOrigin => "Sec-WebSocket-Origin",
            Self::SecWebSocketProtocol => "Sec-WebSocket-Protocol",
            Self::SecWebSocketVersion => "Sec-WebSocket-Version",
            Self::WebSocketProtocol => "WebSocket-Protocol",
        }
    }

    /// The field of this name, compared ASCII case-insensitively.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        // Few names have the same length, so that most fields cost one comparison at most.
        let candidates: &[Self] = match name.len() {
            4 => &[Self::Host],
            6 => &[Self::Origin],
            7 => &[Self::Upgrade],
            10 => &[Self::Connection],
            14 => &[Self::ContentLength],
            17 => &[Self::SecWebSocketKey, Self::TransferEncoding],
            18 => &[
                Self::SecWebSocketKey1,
                Self::SecWebSocketKey2,
                Self::WebSocketProtocol,
            ],
            20 => &[Self::SecWebSocketOrigin],
            21 => &[Self::SecWebSocketVersion],
            22 => &[Self::SecWebSocketProtocol, Self::SecWebSocketLocation],
            _ => &[],
        };
        // Nearly all clients write them as they are written here.
        let same = |field: &&Self| name == field.as_str().as_bytes();
        let alike = |field: &&Self| name.eq_ignore_ascii_case(field.as_str().as_bytes());
        let found = candidates.iter().find(same);
        let found = found.or_else(|| candidates.iter().find(alike));
        found.copied()
    }
}

impl fmt::Display for KnownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::KnownField;

    const ALL: [KnownField; 14] = [
        KnownField::Host,
        KnownField::Origin,
        KnownField::Upgrade,
        KnownField::Connection,
        KnownField::ContentLength,
        KnownField::TransferEncoding,
        KnownField::SecWebSocketKey,
        KnownField::SecWebSocketKey1,
        KnownField::SecWebSocketKey2,
        KnownField::SecWebSocketLocation,
        KnownField::SecWebSocketOrigin,
        KnownField::SecWebSocketProtocol,
        KnownField::SecWebSocketVersion,
        KnownField::WebSocketProtocol,
    ];

    #[test]
    fn h4_every_known_field_is_found_by_its_name_in_any_case() {
        for field in ALL {
            let name = field.as_str();
            assert_eq!(KnownField::from_name(name.as_bytes()), Some(field));
            assert_eq!(
                KnownField::from_name(name.to_ascii_lowercase().as_bytes()),
                Some(field)
            );
            assert_eq!(
                KnownField::from_name(name.to_ascii_uppercase().as_bytes()),
                Some(field)
            );
        }
        assert_eq!(KnownField::from_name(b"Cook"), None);
        assert_eq!(KnownField::from_name(b""), None);
    }
}
