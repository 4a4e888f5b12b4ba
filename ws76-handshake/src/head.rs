//! A whole request head and access to its fields: [`Head`].

use core::fmt;

use bytes::Bytes;

use crate::scan::{FieldSpan, Span, plain_len};

/// The head of a request: request line and fields, as they came.
///
/// It holds the bytes that were split off the reader's buffer and clones by reference count. As
/// long as it lives it keeps that buffer's memory; [`compact`](Self::compact) makes a copy that
/// holds the bytes of the head alone. Its `Debug` form leaves out the fields' values, because
/// cookies do not belong in logs.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{HandshakeError, HeadLimits, Incoming, RequestReader};
///
/// let mut src = BytesMut::from("GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nA: b\r\n\r\n");
/// let Some(Incoming::Http(head)) = RequestReader::new(HeadLimits::new()).read(&mut src)? else {
///     unreachable!("the request is whole, and plain HTTP");
/// };
/// assert_eq!((head.method(), head.resource_name()), ("GET", "/chat?room=1"));
/// assert_eq!((head.path(), head.query()), ("/chat", Some("room=1")));
/// assert_eq!((head.host(), head.origin(), head.subprotocol()), ("example.com", None, None));
/// assert_eq!(head.field("a"), Some(&b"b"[..]));
/// assert_eq!((head.fields().count(), head.fields_named("A").count()), (2, 1));
/// let kept = head.compact(); // for long; the same bytes in memory of their own
/// assert_eq!(kept.as_bytes(), head.as_bytes());
/// # Ok::<(), HandshakeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    table: FieldTable,
    parts: HeadParts,
}

/// Where the parts of a head stand that were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadParts {
    pub(crate) resource_name: Span,
    pub(crate) host: Span,
    pub(crate) origin: Option<Span>,
    pub(crate) subprotocol: Option<Span>,
}

impl Head {
    pub(crate) const fn new(table: FieldTable, parts: HeadParts) -> Self {
        Self { table, parts }
    }

    /// The method: `GET`, or `HEAD` if this is plain HTTP.
    #[must_use]
    pub fn method(&self) -> &str {
        // The first word of the request line; the second is the resource name.
        let end = self.parts.resource_name.start.saturating_sub(1);
        self.table.text(Span { start: 0, end })
    }

    /// The resource name as sent: path and query. From draft-75 and draft-76 clients it may hold
    /// raw spaces (WebKit 534 sends them).
    #[must_use]
    pub fn resource_name(&self) -> &str {
        self.table.text(self.parts.resource_name)
    }

    /// The resource name up to the first `?`.
    #[must_use]
    pub fn path(&self) -> &str {
        let name = self.resource_name();
        name.split_once('?').map_or(name, |(path, _)| path)
    }

    /// What follows the first `?` of the resource name, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.resource_name().split_once('?').map(|(_, query)| query)
    }

    /// The host and the port, as the field `Host` names them; visible ASCII, never empty.
    #[must_use]
    pub fn host(&self) -> &str {
        self.table.text(self.parts.host)
    }

    /// Where the page came from; visible ASCII, never empty, `None` if the request does not say.
    ///
    /// The field `Origin`, or for versions 7 and 8 `Sec-WebSocket-Origin`. Besides
    /// `http://example.com` it may be `null`, `file://` or a word that means nothing.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.parts.origin.map(|span| self.table.text(span))
    }

    /// The one subprotocol that a draft-76 or draft-75 client asked for, verbatim and maybe empty.
    ///
    /// Always `None` for other requests: in later versions the field is a list, for which see
    /// [`fields_named`](Self::fields_named).
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.parts.subprotocol.map(|span| self.table.text(span))
    }

    /// Names and values of the fields, in the order they came.
    ///
    /// A value is everything after the colon and at most one space, and may be any bytes but NUL,
    /// CR and LF (draft-76 §5.1).
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.table.fields()
    }

    /// The value of the first field of this name, compared ASCII case-insensitively.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.table.field(name)
    }

    /// The values of all fields of this name, compared ASCII case-insensitively.
    pub fn fields_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.table.fields_named(name)
    }

    /// The whole head as it came, with the empty line.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.table.bytes
    }

    /// As [`origin`](Self::origin), to be written.
    pub(crate) fn origin_bytes(&self) -> Option<&[u8]> {
        self.parts.origin.map(|span| span.of(&self.table.bytes))
    }

    /// The host and the resource name, to be written.
    pub(crate) fn location_bytes(&self) -> [&[u8]; 2] {
        [self.parts.host, self.parts.resource_name].map(|span| span.of(&self.table.bytes))
    }

    /// A copy that does not keep the reader's buffer alive, for heads that are held for long.
    #[must_use]
    pub fn compact(&self) -> Self {
        let bytes = Bytes::copy_from_slice(&self.table.bytes);
        let table = FieldTable {
            bytes,
            start: self.table.start,
        };
        Self {
            table,
            parts: self.parts,
        }
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method())
            .field("resource_name", &self.resource_name())
            .field("host", &self.host())
            .field("origin", &self.origin())
            .field("subprotocol", &self.subprotocol())
            .field("fields", &self.table.fields().count())
            .finish_non_exhaustive()
    }
}

/// The bytes of a head and where its fields begin in them. Where each stands is not kept, as heads
/// are held for long and asked little: whoever asks goes through the lines.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FieldTable {
    bytes: Bytes,
    start: u32,
}

impl FieldTable {
    /// The table of a head whose scan has found these.
    pub(crate) fn new(bytes: Bytes, fields: &[FieldSpan]) -> Self {
        let start = fields.first().map_or(u32::MAX, |first| first.name.start);
        Self { bytes, start }
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        // A name is a token, and so nothing is lost here.
        self.lines()
            .map(|(name, value)| (core::str::from_utf8(name).unwrap_or_default(), value))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.lines();
        lines.find_map(|(one, value)| is_named(one, name).then_some(value))
    }

    pub(crate) fn fields_named<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a [u8]> + Clone {
        let lines = self.lines();
        lines.filter_map(|(one, value)| is_named(one, name).then_some(value))
    }

    fn lines(&self) -> FieldLines<'_> {
        FieldLines(self.bytes.get(self.start as usize..).unwrap_or_default())
    }

    /// A piece that was proven ASCII when it was parsed, so that nothing is lost here.
    fn text(&self, span: Span) -> &str {
        core::str::from_utf8(span.of(&self.bytes)).unwrap_or_default()
    }
}

impl fmt::Debug for FieldTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.fields().map(|(name, _)| name))
            .finish()
    }
}

/// Compared ASCII case-insensitively.
fn is_named(one: &[u8], name: &str) -> bool {
    one.eq_ignore_ascii_case(name.as_bytes())
}

/// Names and values of the fields, in lines that the scan has found to be well formed.
#[derive(Clone)]
struct FieldLines<'a>(&'a [u8]);

impl<'a> Iterator for FieldLines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // There is none in the empty line at the end.
        let colon = self.0.iter().position(|&byte| byte == b':')?;
        let (name, value) = self.0.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let (value, rest) = value.split_at(plain_len(value));
        self.0 = rest.strip_prefix(b"\r\n").unwrap_or_default();
        Some((name, value))
    }
}
