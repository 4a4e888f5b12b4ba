//! `X-Forwarded-For` and `X-Forwarded-Proto`: what trusted proxies say of a client.
//!
//! Each proxy adds, on the right, who came to it and how. Whoever is not trusted may have written
//! what stands to the left, so these lists are read from the right and no further than to the first
//! address that is not a trusted proxy: the client.

use std::net::{IpAddr, SocketAddr};

use ws76_handshake::{Head, Scheme};

use crate::{Peer, TrustedProxies};

/// Who is behind `peer`, if that is a trusted proxy.
pub(crate) fn client(head: &Head, peer: Peer, trusted: &TrustedProxies) -> Peer {
    let is_trusted = |addr: SocketAddr| trusted.contain(addr.ip());
    let mut client = peer;
    let mut place = 0;
    if !peer.addr.is_some_and(is_trusted) {
        return peer;
    }
    for (at, hop) in elements(head, "X-Forwarded-For").enumerate() {
        // What is no address hides all that is behind it.
        let Some(addr) = address(hop) else { break };
        client.addr = Some(addr);
        place = at;
        if !is_trusted(addr) {
            break;
        }
    }
    // A proxy that replaces the list leaves one element.
    let said = elements(head, "X-Forwarded-Proto").take(place + 1).last();
    client.scheme = said.and_then(scheme).or(client.scheme);
    client
}

/// The elements of all fields of that name, from the last one to the first.
fn elements<'a>(head: &'a Head, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let fields: Vec<_> = head.fields_named(name).collect();
    let fields = fields.into_iter().rev();
    let elements = fields.flat_map(|value| value.rsplit(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii)
}

/// An address, with or without a port; port 0 if there is none.
fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let addr = bare.unwrap_or(text).parse::<IpAddr>();
    addr.map(|addr| SocketAddr::new(addr, 0))
        .or_else(|_| text.parse())
        .ok()
}

fn scheme(text: &[u8]) -> Option<Scheme> {
    let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("https") || is("wss") => Some(Scheme::Wss),
        () if is("http") || is("ws") => Some(Scheme::Ws),
        () => None,
    }
}

#[cfg(test)]
mod tests;
