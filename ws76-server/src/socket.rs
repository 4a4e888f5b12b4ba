//! Options of accepted sockets.

use std::sync::Arc;

#[cfg(all(feature = "defer-accept", target_os = "linux"))]
use defer_accept::DeferAccept;
use tokio::net::{TcpListener, TcpStream};

use crate::Config;

/// The options of a listener's sockets. On Linux they are set on the listener once, whose streams
/// take them over: that saves several calls of the system for each.
#[derive(Debug)]
pub(crate) struct Options {
    /// What was asked for when the listener was prepared.
    config: Arc<Config>,
    /// Whether a stream without delay has the others too: that is the one set last.
    is_inherited: bool,
    /// How many streams in a row are to be seen without delay before the rest is believed to be, too;
    /// all, if streams may come from elsewhere.
    unsure: Option<u16>,
}

impl Options {
    /// Prepares a listener.
    pub(crate) fn new(listener: &TcpListener, config: Arc<Config>) -> Self {
        #[cfg(all(feature = "defer-accept", target_os = "linux"))]
        if config.defer_accept {
            // Where that fails, streams come earlier.
            let _ = nix::sys::socket::setsockopt(listener, DeferAccept, &1);
        }
        #[cfg(all(feature = "keepalive", target_os = "linux"))]
        let (is_inherited, unsure) = {
            let socket = socket2::SockRef::from(listener);
            // Somebody else has set it, and streams may wait that have nothing but that.
            let was_set = socket.tcp_nodelay().unwrap_or(true);
            set(&socket, &config);
            // The kernel may move streams between the listeners of a port.
            let is_alone = !socket.reuse_port().unwrap_or(true);
            (!was_set, is_alone.then_some(MAX_UNSURE))
        };
        #[cfg(not(all(feature = "keepalive", target_os = "linux")))]
        let (is_inherited, unsure) = {
            let _ = listener;
            (false, None)
        };
        Self {
            config,
            is_inherited,
            unsure,
        }
    }

    /// Sets on a stream what `config` asks for now, unless it has all of that. Where that fails the
    /// stream is dead, and a read says so.
    pub(crate) fn set_on(&mut self, stream: &TcpStream, config: &Arc<Config>) {
        let may_inherit = self.is_inherited && Arc::ptr_eq(&self.config, config);
        if may_inherit && self.inherits(stream) {
            return;
        }
        #[cfg(feature = "keepalive")]
        set(&socket2::SockRef::from(stream), config);
        #[cfg(not(feature = "keepalive"))]
        let _ = stream.set_nodelay(true);
    }

    /// Whether a stream has what was set on its listener. Those that came before that are accepted
    /// first.
    fn inherits(&mut self, stream: &TcpStream) -> bool {
        if self.unsure == Some(0) {
            return true;
        }
        let inherits = stream.nodelay().unwrap_or_default();
        if let Some(left) = &mut self.unsure {
            *left = if inherits { *left - 1 } else { MAX_UNSURE };
        }
        inherits
    }
}

#[cfg(all(feature = "defer-accept", target_os = "linux"))]
mod defer_accept {
    use nix::{libc, sys::socket::sockopt::SetUsize};

    /// Seconds that a connection may be kept until there is something to read.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct DeferAccept;

    nix::setsockopt_impl!(
        DeferAccept,
        libc::IPPROTO_TCP,
        libc::TCP_DEFER_ACCEPT,
        usize,
        SetUsize
    );
}

/// More than the processors on which streams may come at a time.
const MAX_UNSURE: u16 = if cfg!(test) { 2 } else { 1024 };

#[cfg(feature = "keepalive")]
fn set(socket: &socket2::Socket, config: &Config) {
    match config.keepalive {
        Some(keepalive) => {
            let params = socket2::TcpKeepalive::new().with_time(keepalive.idle);
            #[cfg(not(target_os = "openbsd"))]
            let params = params
                .with_interval(keepalive.interval)
                .with_retries(keepalive.probes);
            let _ = socket.set_tcp_keepalive(&params);
        }
        None => {
            let _ = socket.set_keepalive(false);
        }
    }
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(config.user_timeout);
    // Each write is a batch of whole frames already.
    let _ = socket.set_tcp_nodelay(true);
}

#[cfg(all(test, feature = "keepalive", target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;

    /// A stream that `listener` accepts, and the client's end.
    async fn accept(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let addr = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        (accepted.unwrap().0, client.unwrap())
    }

    fn assert_defaults(stream: &TcpStream) {
        let socket = SockRef::from(stream);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        let minute = Duration::from_secs(60);
        assert_eq!(socket.tcp_keepalive_time().unwrap(), minute);
        let interval = socket.tcp_keepalive_interval().unwrap();
        assert_eq!(interval, Duration::from_secs(15));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(minute));
    }

    #[tokio::test]
    async fn accepted_sockets_have_keepalive_and_user_timeout() {
        // T15: one that came before the listener was prepared, and one behind it.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (early, _client) = accept(&listener).await;
        let config = Arc::new(Config::new());
        let mut options = Options::new(&listener, Arc::clone(&config));
        options.set_on(&early, &config);
        assert_defaults(&early);
        let (late, _client) = accept(&listener).await;
        assert_defaults(&late);
        options.set_on(&late, &config);
        assert_defaults(&late);
    }

    #[tokio::test]
    async fn streams_are_believed_once_enough_of_them_had_the_options() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let early = [accept(&listener).await, accept(&listener).await];
        let config = Arc::new(Config::new());
        let mut options = Options::new(&listener, Arc::clone(&config));
        let mut unsure = Vec::new();
        let late = [accept(&listener).await, accept(&listener).await];
        for (stream, _client) in early.iter().chain(&late) {
            options.set_on(stream, &config);
            assert_defaults(stream);
            unsure.push(options.unsure);
        }
        assert_eq!(unsure, [Some(2), Some(2), Some(1), Some(0)]);
        let (stream, _client) = accept(&listener).await;
        stream.set_nodelay(false).unwrap();
        options.set_on(&stream, &config);
        assert!(!stream.nodelay().unwrap(), "it was not looked at");
    }

    #[tokio::test]
    async fn streams_of_a_shared_port_are_never_believed() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(8).unwrap();
        let config = Arc::new(Config::new());
        let mut options = Options::new(&listener, Arc::clone(&config));
        for _ in 0..4 {
            let (stream, _client) = accept(&listener).await;
            stream.set_nodelay(false).unwrap();
            options.set_on(&stream, &config);
            assert_defaults(&stream);
        }
    }

    #[cfg(feature = "defer-accept")]
    #[tokio::test]
    async fn kernel_keeps_who_says_nothing_for_a_second() {
        use tokio::io::AsyncWriteExt as _;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Arc::new(Config::new().with_defer_accept(true));
        Options::new(&listener, config);
        let addr = listener.local_addr().unwrap();
        let silent = TcpStream::connect(addr).await.unwrap();
        let mut speaks = TcpStream::connect(addr).await.unwrap();
        speaks.write_all(b"GET").await.unwrap();
        let mut peers = Vec::new();
        for _ in 0..2 {
            peers.push(listener.accept().await.unwrap().1);
        }
        let addrs = [speaks, silent].map(|client| client.local_addr().unwrap());
        assert_eq!(peers, addrs);
    }

    #[tokio::test]
    async fn config_that_was_exchanged_holds_for_the_next_socket() {
        let none = Arc::new(Config::new().without_keepalive().without_user_timeout());
        let all = Arc::new(Config::new());
        for (first, then) in [(&all, &none), (&none, &all)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut options = Options::new(&listener, Arc::clone(first));
            let (stream, _client) = accept(&listener).await;
            options.set_on(&stream, then);
            let socket = SockRef::from(&stream);
            assert_eq!(socket.keepalive().unwrap(), then.keepalive.is_some());
            assert_eq!(socket.tcp_user_timeout().unwrap(), then.user_timeout);
        }
    }

    #[tokio::test]
    async fn listener_without_delay_of_its_own_is_not_trusted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        SockRef::from(&listener).set_tcp_nodelay(true).unwrap();
        let (early, _client) = accept(&listener).await;
        let config = Arc::new(Config::new());
        Options::new(&listener, Arc::clone(&config)).set_on(&early, &config);
        assert_defaults(&early);
    }
}
