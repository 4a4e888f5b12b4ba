//! The twin of `meters` without the feature `metrics`: it counts nothing.

use std::marker::PhantomData;

use crate::{CloseReason, Protocol, stats::Traffic};

#[derive(Debug, Default)]
pub(crate) struct Meters;

impl Meters {
    pub(crate) const fn opening(&self) -> Opening<'_> {
        Opening(PhantomData)
    }

    pub(crate) const fn opened(&self, _: Protocol) {}

    pub(crate) const fn answered(&self, _: u16) {}

    pub(crate) const fn unopened(&self, _: &'static str) {}

    pub(crate) const fn closed(&self, _: Protocol, _: CloseReason) {}

    pub(crate) const fn accept_failed(&self) {}

    pub(crate) const fn traffic(&self, _: &Traffic) {}
}

#[derive(Debug)]
pub(crate) struct Opening<'a>(PhantomData<&'a Meters>);

impl Opening<'_> {
    pub(crate) const fn done(&self, _: Protocol) {}
}

#[derive(Debug, Default)]
pub(crate) struct FanOut(());

impl FanOut {
    pub(crate) fn time<T>(&self, deliver: impl FnOnce() -> T) -> T {
        deliver()
    }

    pub(crate) const fn full(&self) {}
}
