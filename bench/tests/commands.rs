//! `run`, `growth` and `report`, with a script in the load generator's place.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder of a test's own, gone behind it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A load generator that runs `line` of a shell.
    fn load(&self, line: &str) -> PathBuf {
        let path = self.0.join("load");
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The command, with its files here.
    fn run(&self, args: &[&str], load: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ws76-bench"))
            .args(args)
            .arg("--load")
            .arg(self.load(load))
            .arg("--out")
            .arg(&self.0)
            .output()
            .unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bare TCP costs 2 and everything else 3; its arguments are noted down.
const MEASURED: &str = r#"echo "$@" >> "$(dirname "$0")/calls"
case "$*" in *'--protocol tcp'*) cost=2 ;; *) cost=3 ;; esac
echo "{\"messages\":9,\"load\":{\"is_bottleneck\":false},\"server\":{
\"cpu_us_per_message\":$cost,\"memory_per_connection\":$cost}}""#;

const QUICK: [&str; 7] = [
    "run",
    "--rounds",
    "2",
    "--max-connections",
    "16",
    "--servers",
    "ws76-draft-76,axum",
];

#[test]
fn a_run_measures_all_in_turns_and_writes_table_plot_and_results() {
    let folder = Folder::new("run");
    let output = folder.run(&[&QUICK[..], &["--case", "echo-*"]].concat(), MEASURED);
    assert!(output.status.success(), "{output:?}");

    let calls = folder.read("calls");
    let protocols = |word: &str| -> Vec<_> {
        let calls = calls.lines().filter(|line| line.contains(word));
        let words = calls.map(|line| {
            line.split_whitespace()
                .skip_while(|word| *word != "--protocol")
        });
        words.filter_map(|mut words| words.nth(1)).collect()
    };
    let rounds = ["tcp", "draft-76", "rfc6455", "tcp", "rfc6455", "draft-76"];
    assert_eq!(protocols("--connections 1 "), rounds);
    assert_eq!(protocols("--connections 16 "), rounds);

    let row = "| echo, 1 connection, 1 under way, 32 B | ≤ 1.05 | 2.00 µs | **1.50** | 1.50 |\n";
    assert!(folder.read("table.md").contains(row));
    assert!(String::from_utf8_lossy(&output.stdout).contains(row));
    assert!(
        folder
            .read("results.json")
            .contains("\"title\": \"echo, 16 connections")
    );
    let plot = folder.read("ratios.svg");
    assert!(
        plot.contains("echo, 1 connection, 1 under way, 32 B"),
        "{plot}"
    );
    assert!(plot.contains("1.50"), "{plot}");
}

#[test]
fn growth_has_its_scenarios_for_one_thread_and_two() {
    let folder = Folder::new("growth");
    let output = folder.run(
        &["growth", "--rounds", "1", "--connections", "3,4"],
        MEASURED,
    );
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for (scenario, figures) in [
        ("echo", "2.00 µs | 3.00 µs | 1.50 ("),
        ("broadcast", "2.00 µs | 3.00 µs | 1.50 ("),
        ("idle", "0.00 KiB | 0.00 KiB | 1.50 ("),
    ] {
        for (connections, threads) in [(3, 1), (3, 2), (4, 1), (4, 2)] {
            let row = format!("| {scenario} | {connections} | {threads} | {figures}");
            assert!(table.contains(&row), "{table}");
        }
    }
    assert!(
        folder
            .read("growth.json")
            .contains("\"scenario\": \"broadcast\"")
    );
}

#[test]
fn a_report_puts_the_results_into_the_document() {
    let folder = Folder::new("report");
    let output = folder.run(&[&QUICK[..], &["--case", "idle"]].concat(), MEASURED);
    assert!(output.status.success(), "{output:?}");
    let output = folder.run(&["growth", "--rounds", "1", "--connections", "3"], MEASURED);
    assert!(output.status.success(), "{output:?}");

    let document = folder.0.join("BENCHMARKS.md");
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../BENCHMARKS.md"),
        &document,
    )
    .unwrap();
    let report = Command::new(env!("CARGO_BIN_EXE_ws76-bench"))
        .args(["report", "--from"])
        .arg(&folder.0)
        .arg("--into")
        .arg(&document)
        .output()
        .unwrap();
    assert!(report.status.success(), "{report:?}");
    let text = folder.read("BENCHMARKS.md");
    assert!(
        text.contains("| memory per idle connection, of 16 |"),
        "{text}"
    );
    assert!(text.contains("| broadcast | 3 | 2 | 2.00 µs |"), "{text}");
    assert!(text.contains("tokio-tungstenite 0."), "{text}");
}

#[test]
fn a_wrong_byte_fails_the_run_and_says_whose_it_was() {
    let folder = Folder::new("wrong");
    let wrong = "echo 'a wrong byte' >&2; exit 1";
    let output = folder.run(&[&QUICK[..], &["--case", "echo-1"]].concat(), wrong);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("bare TCP: `ws76 load`"), "{said}");
    assert!(said.contains("a wrong byte"), "{said}");
    assert!(!folder.0.join("results.json").exists());
}

#[test]
fn nothing_to_measure_is_an_error() {
    let folder = Folder::new("nothing");
    let output = folder.run(&["run", "--case", "no-such"], MEASURED);
    assert_eq!(output.status.code(), Some(1));
    let output = folder.run(&["run", "--servers", "no-such"], MEASURED);
    assert_eq!(output.status.code(), Some(2));
}
