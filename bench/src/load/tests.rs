//! What the load generator says is read, and nothing is made up where it says nothing.

use super::*;

const ECHO: Load = Load {
    scenario: Scenario::Echo,
    connections: 64,
    in_flight: 1,
    len: 32,
    text: Text::Ascii,
};

fn output(messages: u64, cpu: &str, memory: &str) -> Vec<u8> {
    format!(
        r#"{{"scenario":"echo","messages":{messages},"load":{{"is_bottleneck":true}},
        "server":{{"cpu_us_per_message":{cpu},"memory_per_connection":{memory}}}}}"#
    )
    .into_bytes()
}

#[test]
fn the_figure_is_cpu_time_and_for_idle_connections_memory() {
    let stdout = output(7, "9.5", "2048");
    let echo = figure(Scenario::Echo, &stdout).unwrap();
    assert_eq!((echo.value, echo.load_was_busy), (9.5, true));
    assert_eq!(figure(Scenario::Idle, &stdout).unwrap().value, 2048.0);
    assert_eq!(
        figure(Scenario::Idle, &output(0, "null", "2048"))
            .unwrap()
            .value,
        2048.0
    );
}

#[test]
fn nothing_measured_is_an_error() {
    assert!(figure(Scenario::Echo, &output(0, "9.5", "1")).is_err());
    assert!(figure(Scenario::Echo, &output(7, "null", "1")).is_err());
    assert!(figure(Scenario::Echo, &output(7, "0", "1")).is_err());
    assert!(figure(Scenario::Idle, &output(0, "1", "null")).is_err());
    let alone = br#"{"messages":7,"load":{"is_bottleneck":false},"server":null}"#;
    assert!(figure(Scenario::Echo, alone).is_err());
}

#[test]
fn a_load_says_what_it_is() {
    assert_eq!(ECHO.to_string(), "echo, 64 connections, 1 under way, 32 B");
    let japanese = Load {
        connections: 1,
        in_flight: 16,
        len: 1 << 10,
        text: Text::Japanese,
        ..ECHO
    };
    assert_eq!(
        japanese.to_string(),
        "echo, 1 connection, bursts of 16 × 1 KiB, Japanese"
    );
    let broadcast = Load {
        scenario: Scenario::Broadcast,
        connections: 19_000,
        ..ECHO
    };
    assert_eq!(
        broadcast.to_string(),
        "broadcast to 19,000, one at a time, 32 B"
    );
}

#[test]
fn numbers_and_sizes_are_readable() {
    assert_eq!(Thousands(999).to_string(), "999");
    assert_eq!(Thousands(1_000_007).to_string(), "1,000,007");
    assert_eq!(Size(1023).to_string(), "1023 B");
    assert_eq!(Size(64 << 10).to_string(), "64 KiB");
    assert_eq!(Size(1 << 20).to_string(), "1 MiB");
}
