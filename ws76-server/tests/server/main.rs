//! The server over real sockets, to users and to clients of either protocol. One program, since each
//! would have all of it linked in; what needs a process of its own is in the files beside this folder.

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "proxy")]
mod behind_proxy;
#[cfg(feature = "rfc6455")]
mod binary;
mod closing;
mod echo;
mod events;
mod groups;
mod http;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod hyper_shared;
mod limits;
mod model;
mod policy;
mod queues;
mod refusals;
mod registry;
mod shutdown;
mod slow_receivers;
mod split_handshake;
#[cfg(feature = "tls")]
mod tls;
mod turns;
