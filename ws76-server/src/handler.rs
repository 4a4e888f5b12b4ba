//! What an application writes: the handler, and its decision on a request.

use std::{future::Future, net::SocketAddr};

use ws76_codec::Text;
use ws76_handshake::{FieldName, FieldValue, Head, Response, Status, Subprotocol};

use crate::{CloseReason, Connection, ConnectionError, Request, opening::upgrade_required};

/// What the application does with connections. Every method has a default; write `async fn`.
///
/// One handler serves all connections, at the same time. For one connection the calls are in order
/// and never overlap: `on_open`, `on_message` any number of times, `on_error` at most once, and
/// `on_closed` exactly once whenever `on_open` was called. While a call is under way the connection
/// goes on writing what is queued, and reads nothing. A call that panics ends its own connection
/// only; one that blocks its thread blocks what else runs there, as in all async code.
///
/// # Cancel safety
///
/// A call is dropped at an `.await` only when a shutdown has exceeded
/// [`Config::shutdown_timeout`](crate::Config::shutdown_timeout), or the future that serves was
/// dropped.
pub trait Handler: Send + Sync + 'static {
    /// Decides on a request for a WebSocket, before anything was answered; accepts by default.
    ///
    /// Counts against [`Config::handshake_timeout`](crate::Config::handshake_timeout). A default
    /// decision refuses draft-76 clients that ask for a subprotocol: they would drop a reply
    /// without it.
    fn on_request(&self, request: &Request) -> impl Future<Output = Decision> + Send {
        let _ = request;
        async { Decision::accept() }
    }

    /// Answers a request that is not for a WebSocket; with 426 by default. The connection is closed
    /// behind the answer.
    fn on_http(
        &self,
        head: &Head,
        peer_addr: Option<SocketAddr>,
    ) -> impl Future<Output = Response> + Send {
        let _ = (head, peer_addr);
        async { upgrade_required() }
    }

    /// The connection is open, and in the registry.
    fn on_open(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        let _ = connection;
        async {}
    }

    /// A message came.
    fn on_message(&self, connection: &Connection, text: Text) -> impl Future<Output = ()> + Send {
        let _ = (connection, text);
        async {}
    }

    /// The connection failed. `on_closed` comes next.
    fn on_error(
        &self,
        connection: &Connection,
        error: ConnectionError,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, error);
        async {}
    }

    /// The connection is closed, and no longer in the registry.
    fn on_closed(
        &self,
        connection: &Connection,
        reason: CloseReason,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, reason);
        async {}
    }
}

/// What becomes of a request for a WebSocket.
///
/// ```
/// use ws76_server::{Decision, Request, Status};
///
/// fn decide(request: &Request) -> Decision {
///     match request.origin() {
///         Some("https://example.com") => Decision::accept(),
///         _ => Decision::refuse(Status::FORBIDDEN),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Decision(pub(crate) Verdict);

#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Accept {
        subprotocol: Option<Subprotocol>,
        fields: Vec<(FieldName, FieldValue)>,
    },
    Refuse(Response),
}

impl Decision {
    /// Opens the connection.
    pub const fn accept() -> Self {
        Self(Verdict::Accept {
            subprotocol: None,
            fields: Vec::new(),
        })
    }

    /// Answers with a status and closes. The body says the status in words.
    pub fn refuse(status: Status) -> Self {
        Self::respond(status.into())
    }

    /// Answers with `response` and closes.
    pub const fn respond(response: Response) -> Self {
        Self(Verdict::Refuse(response))
    }

    /// Names the subprotocol, one of those that the client asked for. Does nothing to a refusal.
    #[must_use]
    pub fn with_subprotocol(mut self, name: Subprotocol) -> Self {
        if let Verdict::Accept { subprotocol, .. } = &mut self.0 {
            *subprotocol = Some(name);
        }
        self
    }

    /// Adds a field to the reply, such as `Set-Cookie`. Does nothing to a refusal, whose
    /// [`Response`] has fields of its own.
    #[must_use]
    pub fn with_field(mut self, name: FieldName, value: FieldValue) -> Self {
        if let Verdict::Accept { fields, .. } = &mut self.0 {
            fields.push((name, value));
        }
        self
    }
}
