//! Where and with what it was measured.

use std::{collections::BTreeMap, fs, process::Command, thread, time::SystemTime};

use serde::{Deserialize, Serialize};

/// The machine and the programs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Year, month and day.
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    /// The commit of this repository.
    pub(crate) commit: String,
    /// The crates that are compared, and their versions.
    pub(crate) versions: Vec<(String, String)>,
}

impl Machine {
    /// This one; what it does not tell is "unknown".
    pub(crate) fn this() -> Self {
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let cpus = fs::read_to_string("/proc/cpuinfo").ok();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            date: now.chars().take_while(|char| *char != 'T').collect(),
            cpu: cpus
                .and_then(|text| cpu_model(&text))
                .unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.map_or_else(unknown, |text| text.trim().to_owned()),
            rustc: said_by("rustc", &["--version"]),
            // With a word on what is not committed.
            commit: said_by(
                "git",
                &[
                    "describe",
                    "--always",
                    "--exclude=*",
                    "--dirty= and changes",
                ],
            ),
            versions: versions(include_str!("../Cargo.lock")),
        }
    }
}

fn cpu_model(cpus: &str) -> Option<String> {
    let line = cpus.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first line that a program prints.
fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok();
    let output = output.filter(|output| output.status.success());
    output
        .and_then(|output| {
            Some(
                String::from_utf8(output.stdout)
                    .ok()?
                    .lines()
                    .next()?
                    .to_owned(),
            )
        })
        .unwrap_or_else(unknown)
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// The versions of what is compared in a `Cargo.lock`; all where there are several.
fn versions(lock: &str) -> Vec<(String, String)> {
    let packages = toml::from_str(lock).map_or_else(|_| Vec::new(), |lock: Lock| lock.package);
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in packages {
        if COMPARED.contains(&package.name.as_str()) {
            versions
                .entry(package.name)
                .or_default()
                .push(package.version);
        }
    }
    versions
        .into_iter()
        .map(|(name, versions)| (name, versions.join(", ")))
        .collect()
}

const COMPARED: [&str; 7] = [
    "axum",
    "fastwebsockets",
    "hyper",
    "sockudo-ws",
    "tokio",
    "tokio-tungstenite",
    "tokio-websockets",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_that_is_compared_has_a_version_in_the_lock_file() {
        let versions = versions(include_str!("../Cargo.lock"));
        let names: Vec<_> = versions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, COMPARED);
        assert!(versions.iter().all(|(_, version)| version.contains('.')));
    }

    #[test]
    fn two_versions_of_a_crate_are_both_named() {
        let lock = "[[package]]\nname = \"axum\"\nversion = \"1.0.0\"\n\
                    [[package]]\nname = \"other\"\nversion = \"3.0.0\"\n\
                    [[package]]\nname = \"axum\"\nversion = \"2.0.0\"\n";
        assert_eq!(
            versions(lock),
            [("axum".to_owned(), "1.0.0, 2.0.0".to_owned())]
        );
    }

    #[test]
    fn the_processor_is_named() {
        let cpus = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: fpu\n";
        assert_eq!(cpu_model(cpus).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(cpu_model("processor\t: 0\n"), None);
    }
}
