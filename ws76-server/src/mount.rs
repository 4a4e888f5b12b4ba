//! Taking connections over from a hyper server.
//!
//! ```text
//!   hyper: request ──► head ──►┐                        ┌──► reply ──► hyper: response
//!                              ├─ the endpoint's stream ┤
//!   hyper: body, upgraded ────►┘                        └──► upgraded
//! ```
//!
//! What is served is a stream like any other: it begins with the head of the request, written out
//! again, and what is written to it first is the reply. So no check, limit, timeout or count of the
//! endpoint has a second form here.

mod reply;
mod stream;

use hyper::{
    Request, Response, StatusCode, Version,
    body::{Body, Bytes},
    header::{self, HeaderValue},
};
use tokio::time::timeout;

use crate::{Endpoint, Handler, Peer, endpoint::Permit, front::Front};
use stream::Mounted;

impl<H, S> Endpoint<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// Takes over a request of a hyper 1 server, and so of axum 0.8: the answer is for the client,
    /// and if it is a 101 the connection is served in a task of the endpoint from then on.
    ///
    /// ```
    /// use std::{convert::Infallible, net::SocketAddr};
    ///
    /// use http_body_util::Full;
    /// use hyper::{body::{Bytes, Incoming}, server::conn::http1, service::service_fn};
    /// use hyper::{Request, Response};
    /// use hyper_util::rt::TokioIo;
    /// use tokio::net::TcpStream;
    /// use ws76_server::{Endpoint, Handler};
    ///
    /// async fn serve<H: Handler>(endpoint: Endpoint<H>, stream: TcpStream, addr: SocketAddr) {
    ///     let _ = stream.set_nodelay(true);
    ///     let service = service_fn(async |request: Request<Incoming>| {
    ///         let response: Response<Full<Bytes>> = match request.uri().path() {
    ///             "/ws" => endpoint.upgrade(request, addr).await.map(Full::new),
    ///             _ => Response::new("hello\n".into()),
    ///         };
    ///         Ok::<_, Infallible>(response)
    ///     });
    ///     let _ = http1::Builder::new()
    ///         .title_case_headers(true)
    ///         .serve_connection(TokioIo::new(stream), service)
    ///         .with_upgrades()
    ///         .await;
    /// }
    /// ```
    ///
    /// In axum it is `endpoint.upgrade(request, addr).await.map(axum::body::Body::from)`, with the
    /// whole `Request` as the last argument of a handler on a route of `get`; the examples have
    /// `axum.rs`.
    ///
    /// Everything is as on a [`Server`](crate::Server)'s own port: head limits and checks, policies,
    /// places, counts and the handler's calls, [`Handler::on_http`] among them. Key 3 has to come
    /// within [`Config::handshake_timeout`]. Where there is no place and clients wait for one, they
    /// wait as long, and are then answered 503; so is who comes in a shutdown. The application
    /// shuts its listener down first, then the endpoint by [`Endpoint::shutdown`].
    ///
    /// # What hyper changes
    ///
    /// - It serves HTTP/1.1 only here: HTTP/2 has no upgrades, and is answered 400.
    /// - Names of fields come and go in lower case. With `title_case_headers(true)` they go out as
    ///   `Sec-Websocket-Location`; the draft has clients compare names in any case, but some of its
    ///   time are not so kind. axum's own `serve` cannot set it.
    /// - The spaces around a value are taken away. A draft-76 key that begins or ends with a space
    ///   has lost it, and gets a wrong response or 400; the draft forbids such keys. The same goes
    ///   for such a subprotocol.
    /// - It refuses raw spaces in a resource name, which WebKit 534 sends, and lets a bare LF end a
    ///   line.
    /// - The reply has a field `date` besides, unless `auto_date_header(false)` is set, and the
    ///   response leaves in a write of its own, never with the head: without `set_nodelay(true)` on
    ///   the TCP stream it waits for the client's acknowledgement, 40 ms or more.
    /// - A client that shuts its write side down before it is answered may go without an answer,
    ///   unless `half_close(true)` is set.
    ///
    /// The conformance suite finds no other difference.
    ///
    /// The location of a draft-76 reply is made of the field `Host` and the request's URI. A router
    /// that cuts off the front of the URI, as axum's `nest` does, has to put it back before (from
    /// axum's `OriginalUri`).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped nothing is answered, and no connection is opened.
    ///
    /// [`Config::handshake_timeout`]: crate::Config::handshake_timeout
    pub async fn upgrade<B>(&self, request: Request<B>, peer: impl Into<Peer>) -> Response<Bytes>
    where
        B: Body + Send + Unpin + 'static,
    {
        let peer = peer.into();
        let version = request.version();
        let (stream, reply) = Mounted::new(request);
        let patience = self.config().handshake_timeout;
        let permit = timeout(patience, self.permit()).await;
        if let Some(permit) = permit.unwrap_or(Some(Permit::Full)) {
            self.spawn(stream, peer, permit, Front::default());
        } else {
            drop(stream);
        }
        // Nothing comes in a shutdown, or when others wanted the place.
        let mut response = reply
            .await
            .unwrap_or_else(|_| refusal(StatusCode::SERVICE_UNAVAILABLE));
        if version > Version::HTTP_11 {
            // They are about a connection of HTTP/1.
            response.headers_mut().remove(header::CONNECTION);
            response.headers_mut().remove(header::UPGRADE);
        }
        response
    }
}

/// An answer without words, behind which the connection is closed: a key 3 may follow, which is no
/// request.
fn refusal(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}
