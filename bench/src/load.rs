//! The load generator, `ws76 load`: how it is called, and what it says.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{
    perf::Sampling,
    process::{Core, ServerProcess},
};

/// What the load generator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Echo,
    Broadcast,
    Connect,
    Idle,
}

impl Scenario {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Connect => "connect",
            Self::Idle => "idle",
        }
    }
}

/// What messages are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Ascii,
    Japanese,
}

impl Text {
    const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Japanese => "japanese",
        }
    }
}

/// What goes over how many connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    /// In a broadcast, those that receive.
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) len: usize,
    pub(crate) text: Text,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = Thousands(self.connections);
        let plural = if self.connections == 1 { "" } else { "s" };
        let (in_flight, len) = (self.in_flight, Size(self.len));
        match (self.scenario, in_flight) {
            (Scenario::Echo, 1) => {
                write!(
                    f,
                    "echo, {connections} connection{plural}, 1 under way, {len}"
                )
            }
            (Scenario::Echo, _) => write!(
                f,
                "echo, {connections} connection{plural}, bursts of {in_flight} × {len}"
            ),
            (Scenario::Broadcast, 1) => {
                write!(f, "broadcast to {connections}, one at a time, {len}")
            }
            (Scenario::Broadcast, _) => {
                write!(
                    f,
                    "broadcast to {connections}, {in_flight} under way, {len}"
                )
            }
            (Scenario::Connect, _) => f.write_str("connect and opening handshake"),
            (Scenario::Idle, _) => write!(f, "memory per idle connection, of {connections}"),
        }?;
        match self.text {
            Text::Ascii => Ok(()),
            Text::Japanese => f.write_str(", Japanese"),
        }
    }
}

/// How long the load generator is at work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) warm_up: f64,
    /// What is measured.
    pub(crate) seconds: f64,
}

impl Times {
    /// So many seconds, warmed up for some of them.
    pub(crate) fn of(seconds: f64) -> Self {
        Self {
            warm_up: seconds * 0.3,
            seconds,
        }
    }
}

/// What the load generator prints, as far as it is used here.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Output {
    messages: u64,
    load: LoadOutput,
    server: ServerOutput,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct LoadOutput {
    is_bottleneck: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct ServerOutput {
    cpu_us_per_message: Option<f64>,
    memory_per_connection: Option<f64>,
}

/// What a server did under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Microseconds of the server's CPU for a message; bytes of memory for an idle connection.
    pub(crate) value: f64,
    /// Microseconds of that in user space, where they were sampled.
    pub(crate) user_time: Option<f64>,
    /// The server could have done more.
    pub(crate) load_was_busy: bool,
}

/// The program that makes the load.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    program: PathBuf,
    core: Option<Core>,
    /// Whether servers are sampled, meanwhile, on the same core.
    samples: bool,
}

impl Generator {
    /// Takes the `ws76` program, and the core that it is to run on; servers are sampled if `samples`.
    pub(crate) fn new(program: &Path, core: Option<Core>, samples: bool) -> io::Result<Self> {
        if !program.is_file() {
            return Err(io::Error::other(format!(
                "no program {}: build it with `cargo build --release`, or name it with --load",
                program.display()
            )));
        }
        Ok(Self {
            program: program.to_owned(),
            core,
            samples,
        })
    }

    /// Puts `load` on `server`. Every byte is verified.
    pub(crate) fn run(
        &self,
        load: &Load,
        protocol: &str,
        times: Times,
        server: &ServerProcess,
    ) -> io::Result<Figure> {
        let sampling = self
            .samples
            .then(|| Sampling::start(server.id(), load.connections, times, self.core));
        let sampling = sampling.transpose()?;
        let mut command = Command::new(&self.program);
        command
            .args(["load", load.scenario.name(), "--json"])
            .args(["--protocol", protocol, "--text", load.text.name()])
            .args(["--connections", &load.connections.to_string()])
            .args(["--in-flight", &load.in_flight.to_string()])
            .args(["--len", &load.len.to_string()])
            .args(["--warm-up", &times.warm_up.to_string()])
            .args(["--duration", &times.seconds.to_string()])
            .args(["--pid", &server.id().to_string()])
            .arg(server.addr())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = Core::spawn(self.core, &mut command)?.wait_with_output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!(
                "`ws76 load`: {}: {}",
                output.status,
                said.trim()
            )));
        }
        let mut figure = figure(load.scenario, &output.stdout)?;
        if let Some(sampling) = sampling {
            figure.user_time = Some(figure.value * sampling.user_part()?);
        }
        Ok(figure)
    }
}

fn figure(scenario: Scenario, stdout: &[u8]) -> io::Result<Figure> {
    let output: Output = serde_json::from_slice(stdout)?;
    let value = match scenario {
        Scenario::Idle => output.server.memory_per_connection,
        _ => output.server.cpu_us_per_message,
    };
    match value {
        Some(value) if value > 0.0 && (output.messages > 0 || scenario == Scenario::Idle) => {
            Ok(Figure {
                value,
                user_time: None,
                load_was_busy: output.load.is_bottleneck,
            })
        }
        _ => Err(io::Error::other("`ws76 load` measured nothing")),
    }
}

/// A number with a comma at each thousand.
struct Thousands(usize);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1000 => write!(f, "{}", self.0),
            _ => write!(f, "{},{:03}", Self(self.0 / 1000), self.0 % 1000),
        }
    }
}

/// A size in the largest unit that has no fraction.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0 B"),
            len if len % (1 << 20) == 0 => write!(f, "{} MiB", len >> 20),
            len if len % (1 << 10) == 0 => write!(f, "{} KiB", len >> 10),
            len => write!(f, "{len} B"),
        }
    }
}

#[cfg(test)]
mod tests;
