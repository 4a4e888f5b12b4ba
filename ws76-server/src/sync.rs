//! What the threads of a server share is made of these, and of nothing else.
//!
//! They are those of std and tokio. For the checks in `interleavings`, built with
//! `--cfg ws76_loom`, they are loom's, which runs a check once for every order in which its threads
//! may go on.

#[cfg(not(all(test, ws76_loom)))]
pub(crate) use std::{
    collections::HashMap as Map,
    sync::{
        Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// A map whose keys are [`ConnectionId`](crate::ConnectionId)s.
#[cfg(not(all(test, ws76_loom)))]
pub(crate) type ById<K, V> = Map<K, V, std::hash::BuildHasherDefault<IdHasher>>;

/// Hashes one number that no client chooses: a counter.
///
/// Neighbours stay neighbours, so that a map is gone through nearly in the order of its keys: what
/// came one after the other lies side by side in memory, here and in the kernel.
#[cfg(not(all(test, ws76_loom)))]
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

#[cfg(not(all(test, ws76_loom)))]
impl std::hash::Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(32) ^ number;
    }

    fn finish(&self) -> u64 {
        // A map finds the place of a key by the low bits, and tells keys apart by the high ones.
        self.0 ^ (self.0 << 57)
    }
}

#[cfg(not(all(test, ws76_loom)))]
pub(crate) use tokio::sync::Notify;

#[cfg(all(test, ws76_loom))]
pub(crate) use checked::*;

#[cfg(all(test, ws76_loom))]
mod checked {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    pub(crate) use loom::sync::{
        Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64},
    };
    /// In the same order in every run, which a `HashMap` is not.
    pub(crate) use std::collections::{BTreeMap as ById, BTreeMap as Map};

    /// Tokio's `Notify`, whose calls loom takes for atomic, as it does not see into them. That they
    /// behave as if they were is what tokio checks with loom itself. What is added here is that
    /// another thread may come before each call, and that a call sees what was done before the
    /// calls ahead of it.
    ///
    /// No other thread comes within a call, and so none waits for tokio's own lock: tokio clones,
    /// wakes and drops wakers outside of it, and the clone of a waker of the checks is not a call
    /// that loom sees.
    #[derive(Debug, Default)]
    pub(crate) struct Notify {
        inner: tokio::sync::Notify,
        calls: AtomicU64,
    }

    impl Notify {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn notify_waiters(&self) {
            self.call();
            self.inner.notify_waiters();
        }

        pub(crate) fn notified(&self) -> Notified<'_> {
            self.call();
            Notified {
                notify: self,
                inner: Box::pin(self.inner.notified()),
            }
        }

        fn call(&self) {
            self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[derive(Debug)]
    pub(crate) struct Notified<'a> {
        notify: &'a Notify,
        inner: Pin<Box<tokio::sync::futures::Notified<'a>>>,
    }

    impl Notified<'_> {
        pub(crate) fn enable(mut self: Pin<&mut Self>) -> bool {
            self.notify.call();
            self.inner.as_mut().enable()
        }
    }

    impl Future for Notified<'_> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.notify.call();
            self.inner.as_mut().poll(cx)
        }
    }
}
