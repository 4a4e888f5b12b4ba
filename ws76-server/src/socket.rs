//! Options of accepted sockets.

use tokio::net::TcpStream;

use crate::Config;

/// Sets what `config` asks for. Where that fails the stream is dead, and a read says so.
pub(crate) fn prepare(stream: &TcpStream, config: &Config) {
    // Each write is a batch of whole frames already.
    let _ = stream.set_nodelay(true);
    #[cfg(feature = "keepalive")]
    {
        let socket = socket2::SockRef::from(stream);
        if let Some(keepalive) = config.keepalive {
            let params = socket2::TcpKeepalive::new().with_time(keepalive.idle);
            #[cfg(not(target_os = "openbsd"))]
            let params = params
                .with_interval(keepalive.interval)
                .with_retries(keepalive.probes);
            let _ = socket.set_tcp_keepalive(&params);
        }
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(config.user_timeout);
    }
    #[cfg(not(feature = "keepalive"))]
    let _ = config;
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
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (_client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        prepare(&stream, &none);
        let socket = SockRef::from(&stream);
        assert!(!socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
    }
}
