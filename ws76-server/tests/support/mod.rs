//! One harness for all server tests: a server on a free port whose events are recorded, and a
//! client that speaks raw bytes of either protocol.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(unused_imports, reason = "no test file uses all of it")]

mod client;
mod handlers;
#[cfg(feature = "hyper")]
mod mount;
mod server;
#[cfg(feature = "tls")]
pub(crate) mod wss;

pub(crate) use client::{BOTH, Client, HEAD, KEY3, REPLY, Speaks, assert_same, edited, masked};
pub(crate) use handlers::{Echo, Obedient, Quiet};
#[cfg(feature = "hyper")]
pub(crate) use mount::{Mount, connected, lower_names, reply};
pub(crate) use server::{Seen, TestServer, listener, narrow_listener};

use std::{future::Future, time::Duration};

/// Turns a wait for ever into a failure. Nothing is measured by it.
pub(crate) async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Awaits with paused time, so that what is due comes at once when nothing else can happen.
pub(crate) async fn elapse<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::pause();
    let value = wait.await;
    tokio::time::resume();
    value
}

/// Lets the server's tasks run until they wait for something.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
