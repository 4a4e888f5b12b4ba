//! What an application writes: the handler, and its decision on a request.

use std::{future::Future, net::SocketAddr};

use bytes::Bytes;
use ws76_codec::Text;
use ws76_handshake::{FieldName, FieldValue, Head, Response, Status, Subprotocol};

use crate::{CloseReason, Connection, ConnectionError, Request, Versions};

/// What the application does with connections. Every method has a default; write `async fn`.
///
/// One handler serves all connections, at the same time. For one connection the calls are in order
/// and never overlap: `on_open`, `on_message` any number of times, `on_error` at most once, and
/// `on_closed` exactly once whenever `on_open` was called. While a call is under way the connection
/// goes on writing what is queued, and reads nothing. A call that panics ends its own connection
/// only; one that blocks its thread blocks what else runs there, as in all async code.
///
/// # State
///
/// `S` is what the application keeps with each connection. Whoever needs none writes
/// `impl Handler for …`. The state is set when a request is accepted and is there at every event, as
/// [`Connection::state`]; what changes in it needs a lock or an atomic of its own.
///
/// ```
/// use ws76_server::{Connection, Decision, Handler, Request, Status, Text};
///
/// #[derive(Default)]
/// struct User {
///     name: String,
/// }
///
/// struct Chat;
///
/// impl Handler<User> for Chat {
///     async fn on_request(&self, request: &Request) -> Decision<User> {
///         match request.query() {
///             Some(name) => Decision::accept_with(User { name: name.to_owned() }),
///             None => Decision::refuse(Status::FORBIDDEN),
///         }
///     }
///
///     async fn on_message(&self, connection: &Connection<User>, text: Text) {
///         let line = format!("{}: {text}", connection.state().name);
///         connection.registry().send_all(line);
///     }
/// }
/// ```
///
/// # Cancel safety
///
/// A call is dropped at an `.await` only when a shutdown has exceeded
/// [`Config::shutdown_timeout`](crate::Config::shutdown_timeout), or the future that serves was
/// dropped.
pub trait Handler<S = ()>: Send + Sync + 'static
where
    S: Default + Send + Sync + 'static,
{
    /// Decides on a request for a WebSocket, before anything was answered; accepts by default.
    ///
    /// Counts against [`Config::handshake_timeout`](crate::Config::handshake_timeout). A default
    /// decision refuses draft-76 clients that ask for a subprotocol: they would drop a reply
    /// without it.
    fn on_request(&self, request: &Request) -> impl Future<Output = Decision<S>> + Send {
        let _ = request;
        async { Decision::accept() }
    }

    /// Answers a request that is not for a WebSocket; with 426 by default. The connection is closed
    /// behind the answer.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use ws76_server::{Handler, Head, Response, Status};
    ///
    /// struct Site;
    ///
    /// impl Handler for Site {
    ///     async fn on_http(&self, head: &Head, _: Option<SocketAddr>) -> Response {
    ///         match head.path() {
    ///             "/" => Response::new(Status::OK).with_body("hello\n"),
    ///             _ => Status::NOT_FOUND.into(),
    ///         }
    ///     }
    /// }
    /// ```
    fn on_http(
        &self,
        head: &Head,
        peer_addr: Option<SocketAddr>,
    ) -> impl Future<Output = Response> + Send {
        let _ = (head, peer_addr);
        async { Versions::new().upgrade_required() }
    }

    /// The connection is open, and in the registry.
    ///
    /// ```
    /// use ws76_server::{Connection, ConnectionError, Handler};
    ///
    /// struct Lobby;
    ///
    /// impl Handler for Lobby {
    ///     async fn on_open(&self, connection: &Connection) {
    ///         connection.registry().join("lobby", connection.id());
    ///         connection.send("welcome").await.ok();
    ///     }
    ///
    ///     async fn on_error(&self, connection: &Connection, error: ConnectionError) {
    ///         println!("{}: {error}", connection.id());
    ///     }
    /// }
    /// ```
    fn on_open(&self, connection: &Connection<S>) -> impl Future<Output = ()> + Send {
        let _ = connection;
        async {}
    }

    /// A message came.
    fn on_message(
        &self,
        connection: &Connection<S>,
        text: Text,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, text);
        async {}
    }

    /// A binary message came, from an RFC 6455 client and where [`Config::binary`] lets it in.
    ///
    /// [`Config::binary`]: crate::Config::binary
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ws76_server::{Connection, Handler};
    ///
    /// struct Echo;
    ///
    /// impl Handler for Echo {
    ///     async fn on_binary(&self, connection: &Connection, bytes: Bytes) {
    ///         connection.send_binary(bytes).await.ok();
    ///     }
    /// }
    /// ```
    fn on_binary(
        &self,
        connection: &Connection<S>,
        bytes: Bytes,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, bytes);
        async {}
    }

    /// The connection failed. `on_closed` comes next.
    fn on_error(
        &self,
        connection: &Connection<S>,
        error: ConnectionError,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, error);
        async {}
    }

    /// The connection is closed, and no longer in the registry.
    fn on_closed(
        &self,
        connection: &Connection<S>,
        reason: CloseReason,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, reason);
        async {}
    }
}

/// What becomes of a request for a WebSocket.
///
/// ```
/// use ws76_server::{Decision, FieldName, FieldValue, Request, Response, Status, Subprotocol, ValueError};
///
/// fn decide(request: &Request) -> Result<Decision, ValueError> {
///     if request.origin() != Some("https://example.com") {
///         return Ok(Decision::refuse(Status::FORBIDDEN));
///     }
///     if !request.subprotocols().any(|name| name == "chat") {
///         return Ok(Decision::respond(Response::new(Status::BAD_REQUEST).with_body("no chat\n")));
///     }
///     Ok(Decision::accept()
///         .with_subprotocol(Subprotocol::try_from("chat")?)
///         .with_field(FieldName::try_from("Set-Cookie")?, FieldValue::try_from("id=7")?))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Decision<S = ()>(pub(crate) Verdict<S>);

#[derive(Clone, Debug)]
pub(crate) enum Verdict<S> {
    Accept {
        state: S,
        subprotocol: Option<Subprotocol>,
        fields: Vec<(FieldName, FieldValue)>,
    },
    Refuse(Response),
}

impl<S: Default> Decision<S> {
    /// Opens the connection, with the default state.
    pub fn accept() -> Self {
        Self::accept_with(S::default())
    }
}

impl<S> Decision<S> {
    /// Opens the connection, with this state.
    pub const fn accept_with(state: S) -> Self {
        Self(Verdict::Accept {
            state,
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
