//! The metrics. What is told once in a turn of a driver has a handle that was made beforehand; what
//! is told once in the life of a connection is looked up by its label.

use std::time::Instant;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::{CloseReason, Protocol, stats::Traffic};

/// The metrics of an endpoint.
#[derive(Debug)]
pub(crate) struct Meters {
    streams: Counter,
    half_open: Gauge,
    received_messages: Counter,
    received_len: Counter,
    sent_messages: Counter,
    sent_len: Counter,
    dropped_messages: Counter,
    queued_messages: Gauge,
    accept_failures: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        describe();
        Self {
            streams: counter!("ws76_streams_total"),
            half_open: gauge!("ws76_half_open"),
            received_messages: counter!("ws76_received_messages_total"),
            received_len: counter!("ws76_received_bytes_total"),
            sent_messages: counter!("ws76_sent_messages_total"),
            sent_len: counter!("ws76_sent_bytes_total"),
            dropped_messages: counter!("ws76_dropped_messages_total"),
            queued_messages: gauge!("ws76_queued_messages"),
            accept_failures: counter!("ws76_accept_failures_total"),
        }
    }
}

impl Meters {
    /// A stream was taken, and its opening handshake begins.
    pub(crate) fn opening(&self) -> Opening<'_> {
        self.streams.increment(1);
        self.half_open.increment(1.0);
        Opening {
            meters: self,
            began: Instant::now(),
        }
    }

    pub(crate) fn opened(&self, protocol: Protocol) {
        counter!("ws76_opened_total", "protocol" => protocol.kind()).increment(1);
        gauge!("ws76_connections", "protocol" => protocol.kind()).increment(1.0);
    }

    pub(crate) fn answered(&self, status: u16) {
        counter!("ws76_answered_total", "status" => status.to_string()).increment(1);
    }

    pub(crate) fn unopened(&self, reason: &'static str) {
        counter!("ws76_unopened_total", "reason" => reason).increment(1);
    }

    pub(crate) fn closed(&self, protocol: Protocol, reason: CloseReason) {
        counter!("ws76_closed_total", "reason" => reason.kind()).increment(1);
        gauge!("ws76_connections", "protocol" => protocol.kind()).decrement(1.0);
    }

    pub(crate) fn accept_failed(&self) {
        self.accept_failures.increment(1);
    }

    /// Adds what a connection did since it was last told.
    pub(crate) fn traffic(&self, done: &Traffic) {
        self.received_messages.increment(done.received_messages);
        self.received_len.increment(done.received_len);
        self.sent_messages.increment(done.sent_messages);
        self.sent_len.increment(done.sent_len);
        self.dropped_messages.increment(done.dropped_messages);
        if done.queued_messages != 0 {
            self.queued_messages.increment(done.queued_messages as f64);
        }
    }
}

/// A stream whose opening handshake is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    meters: &'a Meters,
    began: Instant,
}

impl Opening<'_> {
    /// The opening handshake is done.
    pub(crate) fn done(&self, protocol: Protocol) {
        histogram!("ws76_handshake_seconds", "protocol" => protocol.kind())
            .record(self.began.elapsed());
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.meters.half_open.decrement(1.0);
    }
}

/// What is told of messages on their way into the queues.
#[derive(Debug)]
pub(crate) struct FanOut {
    broadcast: Histogram,
    full: Counter,
}

impl Default for FanOut {
    fn default() -> Self {
        Self {
            broadcast: histogram!("ws76_broadcast_seconds"),
            full: counter!("ws76_full_total"),
        }
    }
}

impl FanOut {
    /// Does what puts one message into many queues, and measures the time it takes.
    pub(crate) fn time<T>(&self, deliver: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = deliver();
        self.broadcast.record(began.elapsed());
        value
    }

    /// A message found no room, and was not queued.
    pub(crate) fn full(&self) {
        self.full.increment(1);
    }
}

fn describe() {
    let counters = [
        ("ws76_streams_total", Unit::Count, "Streams taken"),
        ("ws76_opened_total", Unit::Count, "Connections opened"),
        (
            "ws76_answered_total",
            Unit::Count,
            "Requests answered without a 101",
        ),
        (
            "ws76_unopened_total",
            Unit::Count,
            "Streams that ended before they were opened or answered",
        ),
        ("ws76_closed_total", Unit::Count, "Connections closed"),
        (
            "ws76_received_messages_total",
            Unit::Count,
            "Messages that came",
        ),
        (
            "ws76_received_bytes_total",
            Unit::Bytes,
            "Bytes that came on open connections",
        ),
        (
            "ws76_sent_messages_total",
            Unit::Count,
            "Messages handed to the kernel",
        ),
        (
            "ws76_sent_bytes_total",
            Unit::Bytes,
            "Bytes handed to the kernel on open connections",
        ),
        (
            "ws76_dropped_messages_total",
            Unit::Count,
            "Messages queued and never sent",
        ),
        (
            "ws76_full_total",
            Unit::Count,
            "Messages not queued, as an outbound queue was full",
        ),
        (
            "ws76_accept_failures_total",
            Unit::Count,
            "Failures to accept, which were waited out",
        ),
    ];
    for (name, unit, text) in counters {
        describe_counter!(name, unit, text);
    }
    let gauges = [
        ("ws76_connections", "Connections that are open"),
        (
            "ws76_half_open",
            "Connections whose opening handshake is under way",
        ),
        (
            "ws76_queued_messages",
            "Messages in all outbound queues, as of each connection's last turn",
        ),
    ];
    for (name, text) in gauges {
        describe_gauge!(name, Unit::Count, text);
    }
    let histograms = [
        (
            "ws76_handshake_seconds",
            "Time from taking a stream to the end of its opening handshake",
        ),
        (
            "ws76_broadcast_seconds",
            "Time to put one message into the queues of all that it is for",
        ),
    ];
    for (name, text) in histograms {
        describe_histogram!(name, Unit::Seconds, text);
    }
}
