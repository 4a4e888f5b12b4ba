//! The PROXY protocol, versions 1 and 2: a header before all else, in which a proxy says whose
//! connection it passes on.
//!
//! Here its bytes are taken from the stream, and not one more, so that TLS or the request can follow;
//! `proxy-header` says what they mean.

use std::io;

use proxy_header::{ParseConfig, Protocol, ProxyHeader, Tlv};
use tokio::io::{AsyncRead, AsyncReadExt};
use ws76_handshake::Scheme;

use crate::Peer;

/// How the PROXY protocol is read. Version 1 and version 2 are told apart by themselves.
///
/// ```
/// use ws76_server::ProxyProtocol;
///
/// let protocol = ProxyProtocol::new().with_max_len(1 << 10);
/// assert_eq!(protocol.max_len, 1024);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// Most bytes of a version 2 header, with all that the proxy adds to it; 4 KiB by default. A
    /// version 1 header has at most 107. Costs this much for each half-open connection.
    pub max_len: usize,
}

impl ProxyProtocol {
    /// The defaults.
    pub const fn new() -> Self {
        Self { max_len: 4 << 10 }
    }

    /// Sets the most bytes of a version 2 header.
    #[must_use]
    pub const fn with_max_len(mut self, max: usize) -> Self {
        self.max_len = max;
        self
    }

    /// Takes the header from the front of a stream, and says whose connection it is.
    pub(crate) async fn read<T>(self, io: &mut T, peer: Peer) -> io::Result<Peer>
    where
        T: AsyncRead + Unpin,
    {
        let mut header = Vec::with_capacity(MAX_V1_LEN);
        extend(io, &mut header, SIGNATURE.len()).await?;
        if header == SIGNATURE {
            extend(io, &mut header, V2_LEN).await?;
            let &[.., command, _, high, low] = &*header else {
                return Err(malformed());
            };
            let len = V2_LEN + usize::from(u16::from_be_bytes([high, low]));
            if len > self.max_len {
                return Err(malformed());
            }
            extend(io, &mut header, len).await?;
            if command == LOCAL {
                // The proxy itself, to see whether we are there. The rest says nothing.
                return Ok(peer);
            }
        } else if header.starts_with(b"PROXY ") {
            // Byte by byte: what its end is behind is not ours.
            while !header.ends_with(b"\r\n") {
                let len = header.len() + 1;
                if len > MAX_V1_LEN {
                    return Err(malformed());
                }
                extend(io, &mut header, len).await?;
            }
        } else {
            return Err(malformed());
        }
        meaning(&header, peer).ok_or_else(malformed)
    }
}

impl Default for ProxyProtocol {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads until there are `len` bytes.
async fn extend<T>(io: &mut T, header: &mut Vec<u8>, len: usize) -> io::Result<()>
where
    T: AsyncRead + Unpin,
{
    let missing = len - header.len();
    let mut part = io.take(missing as u64);
    if part.read_to_end(header).await? < missing {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Whose connection it is, as a whole header says.
fn meaning(header: &[u8], mut peer: Peer) -> Option<Peer> {
    let (parsed, len) = ProxyHeader::parse(header, ParseConfig::default()).ok()?;
    if len != header.len() {
        return None;
    }
    if let Some(address) = parsed.proxied_address() {
        if address.protocol != Protocol::Stream {
            return None;
        }
        peer.addr = Some(address.source);
    }
    for tlv in parsed.tlvs() {
        if let Tlv::Ssl(ssl) = tlv.ok()?
            && ssl.client_ssl()
        {
            peer.scheme = Some(Scheme::Wss);
        }
    }
    Some(peer)
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// How a version 2 header begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The part of a version 2 header that says how long the rest is.
const V2_LEN: usize = 16;
/// Version 2, command LOCAL.
const LOCAL: u8 = 0x20;
/// The longest header of version 1, with its line end.
const MAX_V1_LEN: usize = 107;

#[cfg(test)]
mod tests;
