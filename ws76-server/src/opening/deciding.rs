//! What decides on a request, what was agreed to, and the reply that says so.

use std::sync::{Arc, atomic::AtomicBool};

#[cfg(feature = "rfc6455")]
use bytes::BytesMut;
use tokio::time::Instant;
use ws76_handshake::{Accept, FieldName, FieldValue, Location, Response, Status, Subprotocol};

#[cfg(feature = "rfc6455")]
use crate::rfc6455;
use crate::{
    Config, Request, Versions,
    addresses::{AddressPlace, Addresses},
    clock::Clock,
    policy,
    stats::Counters,
};

/// What decides on a request.
#[derive(Debug)]
pub(crate) struct Terms<'a, H> {
    pub(crate) handler: &'a H,
    pub(crate) config: &'a Config,
    pub(crate) addresses: &'a Arc<Addresses>,
    pub(crate) counters: &'a Counters,
    pub(crate) clock: &'a Clock,
    /// What is served on this stream.
    pub(crate) versions: Versions,
    /// There is no place for a connection: it is to be refused.
    pub(crate) full: bool,
    /// When the opening handshake must be done.
    pub(crate) deadline: Instant,
    /// Set when the stream has its final answer, and is counted by it.
    pub(crate) answered: AtomicBool,
}

impl<H> Terms<'_, H> {
    /// Asks for a place and the policies. There is a place where those of an address are counted.
    pub(super) fn place(&self, request: &Request) -> Result<Option<AddressPlace>, Response> {
        if self.full {
            return Err(Status::SERVICE_UNAVAILABLE.into());
        }
        policy::check(self.config, self.versions, request)?;
        let place = match (self.config.max_per_address, request.peer_addr()) {
            (Some(max), Some(addr)) => {
                let place = self.addresses.enter(addr.ip(), max);
                Some(place.ok_or(Status::TOO_MANY_REQUESTS)?)
            }
            _ => None,
        };
        #[cfg(feature = "rfc6455")]
        if !rfc6455::has_key(request) {
            return Err(Status::BAD_REQUEST.into());
        }
        Ok(place)
    }
}

/// What policies and handler agreed to.
pub(super) struct Accepted<S> {
    pub(super) request: Request,
    pub(super) state: S,
    pub(super) place: Option<AddressPlace>,
    pub(super) subprotocol: Option<Subprotocol>,
    pub(super) fields: Vec<(FieldName, FieldValue)>,
}

impl<S> Accepted<S> {
    /// The reply to a draft-76 or draft-75 request.
    pub(super) fn accept(&self, config: &Config) -> Accept {
        let request = &self.request;
        let scheme = config
            .scheme
            .or_else(|| request.scheme())
            .unwrap_or_default();
        let mut accept = Accept::new().with_scheme(scheme);
        if let Some(public) = &config.public_location {
            let before = public.resource_name().trim_end_matches('/');
            let name = [before, request.resource_name()].concat();
            // Both were checked, and one behind the other they are a resource name too.
            if let Ok(location) = Location::new(public.scheme(), public.host(), &name) {
                accept = accept.with_location(location);
            }
        }
        if let Some(subprotocol) = &self.subprotocol {
            accept = accept.with_subprotocol(subprotocol.clone());
        }
        let fields = self.fields.iter();
        fields.fold(accept, |accept, (name, value)| {
            accept.with_field(name.clone(), value.clone())
        })
    }

    /// Writes the reply to a request of RFC 6455.
    #[cfg(feature = "rfc6455")]
    pub(super) fn write_rfc6455(&self, dst: &mut BytesMut) -> Result<(), Status> {
        let request = &self.request;
        let asked = |name: &Subprotocol| request.subprotocols().any(|one| one == name.as_str());
        if !self.subprotocol.as_ref().is_none_or(asked) {
            return Err(Status::INTERNAL_SERVER_ERROR);
        }
        rfc6455::write_accept(request, self.subprotocol.as_ref(), &self.fields, dst);
        Ok(())
    }
}
