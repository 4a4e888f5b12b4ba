//! Options of accepted sockets.

use tokio::net::{TcpListener, TcpStream};

use crate::Config;

/// Sets what `config` asks for on a listener, whose streams take it over on Linux.
pub(crate) fn prepare_listener(listener: &TcpListener, config: &Config) {
    #[cfg(all(feature = "keepalive", target_os = "linux"))]
    set(&socket2::SockRef::from(listener), config);
    #[cfg(not(all(feature = "keepalive", target_os = "linux")))]
    let _ = (listener, config);
}

/// Sets what `config` asks for. Where that fails the stream is dead, and a read says so.
pub(crate) fn prepare(stream: &TcpStream, config: &Config) {
    #[cfg(feature = "keepalive")]
    {
        // The one that is set last: the stream is from a listener that was prepared before.
        let is_prepared = cfg!(target_os = "linux") && stream.nodelay().unwrap_or_default();
        if !is_prepared {
            set(&socket2::SockRef::from(stream), config);
        }
    }
    #[cfg(not(feature = "keepalive"))]
    {
        let _ = config;
        let _ = stream.set_nodelay(true);
    }
}

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

    #[tokio::test]
    async fn accepted_sockets_have_keepalive_and_user_timeout() {
        // T15
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (_client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        prepare(&stream, &Config::new());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(60)
        );
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(15)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(60))
        );

        let none = Config::new().without_keepalive().without_user_timeout();
        prepare_listener(&listener, &none);
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (_client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        prepare(&stream, &none);
        let socket = SockRef::from(&stream);
        assert!(!socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
    }
}
