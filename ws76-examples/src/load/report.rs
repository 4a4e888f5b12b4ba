//! What a load test found: as JSON, and in words.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    Scenario,
    traffic::{Protocol, TextKind},
};

/// The figures of the measured window.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) scenario: Scenario,
    pub(super) protocol: Protocol,
    pub(super) connections: usize,
    pub(super) in_flight: usize,
    pub(super) len: usize,
    pub(super) text: TextKind,
    pub(super) seconds: f64,
    pub(super) messages: u64,
    pub(super) messages_per_second: f64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) latency_us: Latency,
    pub(super) load: Load,
    pub(super) server: Option<Server>,
}

/// In microseconds; all 0 if there was nothing to measure.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    min: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
    mean: f64,
}

/// What the load generator itself cost; nothing where the system does not tell.
#[derive(Debug, Serialize)]
pub(super) struct Load {
    cpu_seconds: Option<f64>,
    busy: Option<f64>,
    is_bottleneck: bool,
}

/// What the server cost.
#[derive(Debug, Serialize)]
pub(super) struct Server {
    cpu_seconds: Option<f64>,
    cpu_us_per_message: Option<f64>,
    memory_before: Option<u64>,
    memory_idle: Option<u64>,
    memory_per_connection: Option<f64>,
}

impl Latency {
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        let quantile = |quantile| micros(nanos.value_at_quantile(quantile));
        Self {
            min: micros(nanos.min()),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: micros(nanos.max()),
            mean: nanos.mean() / 1e3,
        }
    }
}

impl Load {
    pub(super) fn new(cpu_time: Option<Duration>, seconds: f64) -> Self {
        let busy = cpu_time.map(|time| time.as_secs_f64() / seconds);
        Self {
            cpu_seconds: cpu_time.map(|time| time.as_secs_f64()),
            busy,
            is_bottleneck: busy.is_some_and(|busy| busy >= BUSY),
        }
    }
}

impl Server {
    /// `memory` before there was a connection, and with `connections` that were idle.
    pub(super) fn new(
        cpu_time: Option<Duration>,
        messages: u64,
        memory: (Option<u64>, Option<u64>),
        connections: usize,
    ) -> Self {
        let cpu_seconds = cpu_time.map(|time| time.as_secs_f64());
        let (before, idle) = memory;
        let grown = before
            .zip(idle)
            .map(|(before, idle)| idle as f64 - before as f64);
        Self {
            cpu_seconds,
            cpu_us_per_message: cpu_seconds
                .filter(|_| messages > 0)
                .map(|seconds| seconds * 1e6 / messages as f64),
            memory_before: before,
            memory_idle: idle,
            memory_per_connection: grown.map(|grown| grown / connections as f64),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scenario, protocol) = (self.scenario.name(), self.protocol.name());
        writeln!(
            f,
            "{scenario}, {protocol}: {} connections",
            self.connections
        )?;
        let what = match self.scenario {
            Scenario::Echo => "messages, there and back",
            Scenario::Broadcast => "messages delivered",
            Scenario::Idle => "messages",
            Scenario::Connect => "opening handshakes",
        };
        writeln!(
            f,
            "  {} {what} in {:.2} s: {:.0} a second; {} bytes in, {} out",
            self.messages, self.seconds, self.messages_per_second, self.bytes_in, self.bytes_out
        )?;
        if matches!(self.scenario, Scenario::Echo | Scenario::Broadcast) {
            writeln!(
                f,
                "  text of {} bytes, {} under way at once",
                self.len, self.in_flight
            )?;
        }
        if self.messages > 0 {
            let Latency {
                min,
                p50,
                p90,
                p99,
                p99_9,
                max,
                mean,
            } = self.latency_us;
            writeln!(
                f,
                "  latency in µs: min {min:.0}, 50 % {p50:.0}, 90 % {p90:.0}, 99 % {p99:.0}, \
                 99.9 % {p99_9:.0}, max {max:.0}, mean {mean:.0}"
            )?;
        }
        if let Some(server) = &self.server {
            let each = match self.scenario {
                Scenario::Connect => "an opening handshake",
                _ => "a message",
            };
            server.fmt(f, each)?;
        }
        self.load.fmt(f)
    }
}

impl Server {
    /// What it cost, and for each of what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>, each: &str) -> fmt::Result {
        if let Some(seconds) = self.cpu_seconds {
            write!(f, "  server: {seconds:.2} s of CPU time")?;
            if let Some(micros) = self.cpu_us_per_message {
                write!(f, ", {micros:.2} µs {each}")?;
            }
            writeln!(f)?;
        }
        if let (Some(before), Some(idle)) = (self.memory_before, self.memory_idle) {
            write!(
                f,
                "  its memory: {} KiB before, {} KiB idle",
                before >> 10,
                idle >> 10
            )?;
            if let Some(bytes) = self.memory_per_connection {
                write!(f, ", {bytes:.0} bytes a connection")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(busy) = self.busy else {
            return Ok(());
        };
        write!(f, "  load generator: {:.0} % of one core", busy * 100.0)?;
        if self.is_bottleneck {
            write!(f, ". IT IS THE BOTTLENECK: the server could do more")?;
        }
        writeln!(f)
    }
}

/// From this share of one core on, the load generator is what limits the figures.
const BUSY: f64 = 0.95;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_generator_is_the_bottleneck_from_95_percent_on() {
        for (millis, is_bottleneck) in [(1_899, false), (1_900, true), (2_100, true)] {
            let load = Load::new(Some(Duration::from_millis(millis)), 2.0);
            assert_eq!(load.is_bottleneck, is_bottleneck, "{millis}");
            assert_eq!(load.to_string().contains("BOTTLENECK"), is_bottleneck);
        }
        assert!(!Load::new(None, 2.0).is_bottleneck);
    }

    #[test]
    fn server_costs_are_per_message_and_per_connection() {
        let memory = (Some(1_000_000), Some(1_640_000));
        let server = Server::new(Some(Duration::from_millis(500)), 250_000, memory, 64);
        assert_eq!(server.cpu_us_per_message, Some(2.0));
        assert_eq!(server.memory_per_connection, Some(10_000.0));
        assert_eq!(
            Server::new(None, 0, (None, None), 1).cpu_us_per_message,
            None
        );
        let idle = Server::new(Some(Duration::ZERO), 0, memory, 64);
        assert_eq!(idle.cpu_us_per_message, None);
    }
}
