//! How large a head may be: [`HeadLimits`].
//!
//! Every limit is finite and bites while the head is still arriving. Time is not limited here: the
//! deadline of a handshake belongs to whoever owns the socket.

/// How large the head of a request (or of a server's reply) may grow.
///
/// A head that is exactly as large as a limit is accepted; one byte or one field more is refused.
/// While a head arrives, it costs at most `max_head_len` bytes of the caller's buffer and 16 bytes
/// for each field, doubled while the table grows.
///
/// # Examples
///
/// ```
/// use ws76_handshake::HeadLimits;
///
/// const LIMITS: HeadLimits = HeadLimits::new()
///     .with_max_head_len(4 << 10)
///     .with_max_line_len(2 << 10)
///     .with_max_resource_name_len(256)
///     .with_max_fields(32);
/// assert_eq!(LIMITS.max_line_len, 2048);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Longest head in bytes, from the first byte to the end of the empty line. Default 16 KiB.
    ///
    /// Lengths above 4 GiB count as 4 GiB.
    pub max_head_len: usize,
    /// Longest line in bytes, without its CRLF: the request line and each field. Default 8 KiB.
    pub max_line_len: usize,
    /// Longest resource name in bytes. Default 2 KiB. Means nothing for a server's reply.
    pub max_resource_name_len: usize,
    /// Most fields of one head. Default 64.
    pub max_fields: usize,
}

impl HeadLimits {
    /// The defaults: a head of 16 KiB, lines of 8 KiB, a resource name of 2 KiB, 64 fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_head_len: 16 << 10,
            max_line_len: 8 << 10,
            max_resource_name_len: 2 << 10,
            max_fields: 64,
        }
    }

    /// Sets the longest head, in bytes.
    #[must_use]
    pub const fn with_max_head_len(mut self, max_head_len: usize) -> Self {
        self.max_head_len = max_head_len;
        self
    }

    /// Sets the longest line, in bytes without its CRLF.
    #[must_use]
    pub const fn with_max_line_len(mut self, max_line_len: usize) -> Self {
        self.max_line_len = max_line_len;
        self
    }

    /// Sets the longest resource name, in bytes.
    #[must_use]
    pub const fn with_max_resource_name_len(mut self, max_resource_name_len: usize) -> Self {
        self.max_resource_name_len = max_resource_name_len;
        self
    }

    /// Sets the most fields of one head.
    #[must_use]
    pub const fn with_max_fields(mut self, max_fields: usize) -> Self {
        self.max_fields = max_fields;
        self
    }
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self::new()
    }
}
