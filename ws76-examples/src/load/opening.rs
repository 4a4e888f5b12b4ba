//! Opens connections, and checks each reply to an opening handshake as a client has to.
//!
//! The requests are made once. Of draft-76 there are a few with keys of their own, and each
//! response is the answer to its challenge.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use ws76_handshake::{ClientHandshake, ClientRequest, Location, Origin, Scheme};

use super::{connection::Connection, error::LoadError, rfc6455, run::Run, traffic::Protocol};

/// Opens connections to one server.
#[derive(Debug)]
pub(super) struct Opener {
    addrs: Vec<SocketAddr>,
    /// The one of these that answers.
    answering: Cell<Option<SocketAddr>>,
    timeout: Duration,
    opening: Opening,
}

/// What is exchanged before the first frame.
#[derive(Debug)]
enum Opening {
    Nothing,
    /// Bytes that come back as they are.
    Echo(Vec<u8>),
    Draft76(Vec<(ClientHandshake, Vec<u8>)>),
    Rfc6455 {
        request: Vec<u8>,
        accept_key: String,
    },
}

impl Opener {
    /// Over bare TCP there is no handshake; with `is_echoed` a request of draft-76 is sent and has
    /// to be echoed.
    ///
    /// # Errors
    ///
    /// When no request can name `host`.
    pub(super) fn new(
        addrs: Vec<SocketAddr>,
        protocol: Protocol,
        is_echoed: bool,
        host: &str,
        resource_name: &str,
        timeout: Duration,
    ) -> Result<Self, LoadError> {
        let location = Location::new(Scheme::Ws, host, resource_name).map_err(LoadError::Host)?;
        let origin = format!("http://{host}");
        let origin = Origin::try_from(origin.as_str()).map_err(LoadError::Host)?;
        let draft76 = |seed| {
            let request = ClientRequest::new(location.clone(), origin.clone());
            let mut dst = BytesMut::new();
            let handshake = ClientHandshake::start(request, &[seed; 32], &mut dst);
            (handshake, dst.to_vec())
        };
        let opening = match protocol {
            Protocol::Tcp if is_echoed => Opening::Echo(draft76(0).1),
            Protocol::Tcp => Opening::Nothing,
            Protocol::Draft76 => Opening::Draft76((0..DIFFERENT_KEYS).map(draft76).collect()),
            Protocol::Rfc6455 => Opening::Rfc6455 {
                request: rfc6455::request(host, resource_name),
                accept_key: rfc6455::accept_key(),
            },
        };
        Ok(Self {
            addrs,
            answering: Cell::new(None),
            timeout,
            opening,
        })
    }

    /// Opens a connection. `index` decides on the keys; `src` is a buffer to use.
    ///
    /// # Errors
    ///
    /// When it cannot, or the reply is not right, or not whole in time.
    pub(super) async fn open(
        &self,
        run: &Run,
        index: usize,
        src: &mut BytesMut,
    ) -> Result<Connection, LoadError> {
        src.clear();
        let opening = async {
            let mut stream = self.connect().await?;
            stream.set_nodelay(true).map_err(LoadError::Connect)?;
            self.shake_hands(&mut stream, run, index, src).await?;
            let mut connection = Connection::new(stream);
            // What follows a reply: a ping, or what should not be there.
            connection.check(&run.traffic, src, 0)?;
            run.opened.set(run.opened.get() + 1);
            Ok(connection)
        };
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(LoadError::OpeningTimeout(self.timeout)),
        }
    }

    /// Opens `count` connections, a bounded number of them at a time.
    ///
    /// # Errors
    ///
    /// Of the first that fails.
    pub(super) async fn open_all(
        self: Rc<Self>,
        run: Rc<Run>,
        count: usize,
    ) -> Result<Vec<Connection>, LoadError> {
        let mut all = Vec::with_capacity(count);
        if count > 0 {
            // Alone: it finds the address that answers.
            all.push(self.open(&run, 0, &mut BytesMut::new()).await?);
        }
        let next = Rc::new(Cell::new(1));
        let mut tasks = JoinSet::new();
        for _ in 0..OPENING_AT_ONCE {
            let (opener, run, next) = (Rc::clone(&self), Rc::clone(&run), Rc::clone(&next));
            tasks.spawn_local(async move {
                let mut src = BytesMut::new();
                let mut opened = Vec::new();
                while next.get() < count {
                    let index = next.replace(next.get() + 1);
                    opened.push(opener.open(&run, index, &mut src).await?);
                }
                Ok::<_, LoadError>(opened)
            });
        }
        while let Some(opened) = tasks.join_next().await {
            all.append(&mut opened.map_err(|error| LoadError::Internal(error.into()))??);
        }
        Ok(all)
    }

    async fn connect(&self) -> Result<TcpStream, LoadError> {
        if let Some(addr) = self.answering.get() {
            return TcpStream::connect(addr).await.map_err(LoadError::Connect);
        }
        let stream = TcpStream::connect(self.addrs.as_slice()).await;
        let stream = stream.map_err(LoadError::Start)?;
        self.answering.set(stream.peer_addr().ok());
        Ok(stream)
    }

    /// Leaves in `src` what follows the reply.
    async fn shake_hands(
        &self,
        stream: &mut TcpStream,
        run: &Run,
        index: usize,
        src: &mut BytesMut,
    ) -> Result<(), LoadError> {
        match &self.opening {
            Opening::Nothing => {}
            Opening::Echo(request) => {
                send(stream, run, request).await?;
                while src.len() < request.len() {
                    read(stream, run, src).await?;
                }
                if !src.starts_with(request) {
                    return Err(LoadError::Reply("other bytes than were sent"));
                }
                src.advance(request.len());
            }
            Opening::Draft76(prepared) => {
                let Some((handshake, request)) = prepared.get(index % prepared.len()) else {
                    return Err(LoadError::Reply("there is no request"));
                };
                send(stream, run, request).await?;
                let mut handshake = handshake.clone();
                while handshake.read(src)?.is_none() {
                    read(stream, run, src).await?;
                }
            }
            Opening::Rfc6455 {
                request,
                accept_key,
            } => {
                send(stream, run, request).await?;
                let head_len = loop {
                    if let Some(head_len) = rfc6455::check_reply(src, accept_key)? {
                        break head_len;
                    }
                    read(stream, run, src).await?;
                };
                src.advance(head_len);
            }
        }
        Ok(())
    }
}

async fn send(stream: &mut TcpStream, run: &Run, bytes: &[u8]) -> Result<(), LoadError> {
    stream.write_all(bytes).await.map_err(LoadError::Connect)?;
    run.count_out(bytes.len());
    Ok(())
}

async fn read(stream: &mut TcpStream, run: &Run, src: &mut BytesMut) -> Result<(), LoadError> {
    if src.len() > MAX_REPLY_LEN {
        return Err(LoadError::Reply("a head without an end"));
    }
    src.reserve(1024);
    match stream.read_buf(src).await.map_err(LoadError::Connect)? {
        0 => Err(LoadError::Closed),
        len => {
            run.count_in(len);
            Ok(())
        }
    }
}

const DIFFERENT_KEYS: u8 = 16;
const OPENING_AT_ONCE: usize = 64;
const MAX_REPLY_LEN: usize = 1 << 16;
