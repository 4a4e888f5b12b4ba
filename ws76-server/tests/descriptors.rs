//! A process that has no descriptor left.
#![cfg(unix)]

mod support;

use std::{env, fs::File, process::Command};

use support::{BOTH, Client, Echo, TestServer, within};
use tokio::net::TcpSocket;

#[test]
fn p9_accepting_goes_on_when_there_are_descriptors_again() {
    // EMFILE, for real: this test runs itself in a process with few of them.
    if env::var_os(FEW).is_none() {
        let status = Command::new("sh")
            .args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\""])
            .arg(env::current_exe().unwrap())
            .args([
                "--exact",
                "p9_accepting_goes_on_when_there_are_descriptors_again",
            ])
            .env(FEW, "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for &speaks in BOTH {
            let server = TestServer::start(Echo).await;
            let mut old = Client::open(server.addr, speaks).await;
            let sockets = [(); 3].map(|()| TcpSocket::new_v4().unwrap());
            let mut files = Vec::new();
            let error = loop {
                match File::open("/dev/null") {
                    Ok(file) => files.push(file),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.to_string(), "Too many open files (os error 24)");
            // The kernel completes these; the server cannot accept them.
            let mut clients = Vec::new();
            for socket in sockets {
                clients.push(Client::from(socket.connect(server.addr).await.unwrap()));
            }
            // Those who are there do not notice.
            old.send("still here").await;
            old.expect_text("still here").await;
            assert_eq!(server.registry.len(), 1);
            drop(files);
            let mut client = clients.remove(0).opened(speaks).await;
            client.send("hello").await;
            client.expect_text("hello").await;
        }
    });
}

/// Sockets that this process has open.
#[cfg(target_os = "linux")]
fn sockets() -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = all
        .flatten()
        .filter_map(|one| std::fs::read_link(one.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn t16_connections_that_are_kept_keep_no_descriptor() {
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let before = sockets();
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(Client::open(server.addr, speaks).await);
        }
        let kept = server.registry.connections();
        assert_eq!(kept.len(), 20);
        assert!(sockets() >= before + 40);
        drop(clients);
        for _ in 0..20 {
            server.closed().await;
        }
        within("the end of all streams", async {
            while sockets() > before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(kept.iter().all(|one| one.try_send("late").is_err()));
        drop(kept);
        server.dropped().await;
    }
}

const FEW: &str = "WS76_FEW_DESCRIPTORS";
