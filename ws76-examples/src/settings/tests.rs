//! Flags and files.

use clap::{Args as _, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

fn flags(line: &[&str]) -> Settings {
    Line::try_parse_from([&["ws76"], line].concat())
        .unwrap()
        .settings
}

fn wrong(text: &str) -> (usize, String) {
    let (line, what) = Settings::parse(text).unwrap_err();
    (line.unwrap(), what)
}

const SAMPLE: &str = include_str!("../../ws76.toml");

#[test]
fn sample_says_the_defaults() {
    let file = Settings::parse(SAMPLE).unwrap();
    assert_ne!(file, Settings::default());
    let nothing = Settings::default();
    let defaults = Loaded::new(&nothing, &nothing);
    assert_eq!(defaults.config, Config::new());
    assert_eq!(Loaded::new(&file, &nothing), defaults);
}

#[test]
fn sample_has_every_setting_and_each_can_be_set() {
    let all: String = SAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let file = Settings::parse(&all).unwrap();
    let config = file.apply(Config::new());
    assert_eq!(config.max_per_address, Some(100));
    assert_eq!(config.max_lifetime, Some(Duration::from_secs(12 * 3600)));
    assert_eq!(config.scheme, Some(ws76_server::Scheme::Wss));
    assert_eq!(config.public_location.unwrap().host(), "example.com");
    assert_eq!(config.heartbeat.unwrap().interval, Duration::from_secs(25));
    let tls = Loaded::new(&file, &Settings::default()).tls;
    assert!(tls.certificate.is_some() && tls.key.is_some());
    let command = Settings::augment_args(clap::Command::new("ws76"));
    let mut count = 0;
    for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
        let key = format!("{flag} = ");
        assert!(all.lines().any(|line| line.starts_with(&key)), "{flag}");
        count += 1;
    }
    let keys = all
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with("# "));
    assert_eq!(count, keys.count());
}

#[test]
fn flags_win_over_the_file_one_by_one() {
    let file = Settings::parse(
        "listen = ['[::1]:1', 'b:2']\nlog = 'off'\n[timeouts]\nidle-timeout = '7s'\npong-timeout = '8s'\n\
         [limits]\nmax-connections = 5\n[policy]\nhosts = ['a.example']\nversions = ['draft-75']\n\
         [draft76]\nheartbeat = 'beat'\n",
    )
    .unwrap();
    let flags = flags(&[
        "--idle-timeout=1m 1s",
        "--max-connections=6",
        "--versions=draft-76,draft-75",
        "--heartbeat-interval=3s",
        "--slow-receiver=drop-oldest",
    ]);
    let loaded = Loaded::new(&file, &flags);
    let names: Vec<String> = loaded.listen.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["[::1]:1", "b:2"]);
    assert_eq!(loaded.log, Log::Off);
    let config = loaded.config;
    assert_eq!(config.idle_timeout, Duration::from_secs(61));
    assert_eq!(config.pong_timeout, Duration::from_secs(8));
    assert_eq!(config.max_connections, 6);
    assert_eq!(config.hosts, ws76_server::Hosts::list(["a.example"]));
    assert!(config.versions.draft75 && config.versions.draft76 && !config.versions.rfc6455);
    assert_eq!(config.slow_receiver, ws76_server::SlowReceiver::DropOldest);
    let heartbeat = config.heartbeat.unwrap();
    assert_eq!(
        (&*heartbeat.text, heartbeat.interval),
        ("beat", Duration::from_secs(3))
    );
    let listen = self::flags(&["--listen=c:3", "--listen=d:4"]);
    assert_eq!(Loaded::new(&file, &listen).listen, listen.listen);
}

#[test]
fn line_of_a_mistake_is_told() {
    let unknown = wrong("listen = []\n\n[limits]\nmax-conections = 5\n");
    assert_eq!(unknown.0, 4);
    assert!(
        unknown.1.contains("unknown field `max-conections`"),
        "{}",
        unknown.1
    );
    assert_eq!(wrong("[limit]\n").0, 1);
    // Of a list, the line on which it begins, and which of its values.
    let listen = wrong("\n\nlisten = ['a:1',\n 'b']\n");
    assert!(
        listen.0 == 3 && listen.1.starts_with("\"b\": no port"),
        "{listen:?}"
    );
    assert_eq!(wrong("log = 'off'\n[timeouts]\nidle-timeout = 10\n").0, 3);
    assert_eq!(wrong("[timeouts]\n\nidle-timeout = '10 parsecs'\n").0, 3);
    assert_eq!(wrong("[limits]\nmax-connections = 0\n").0, 2);
    assert_eq!(
        wrong("[limits]\nmax-connections = 1\nmax-connections = 1\n").0,
        3
    );
    assert_eq!(wrong("\n[policy]\norigins = ['example.com']\n").0, 3);
    assert_eq!(wrong("[draft76]\npublic-location = 'http://a/'\n").0, 2);
    assert_eq!(wrong("\n\nlog = \n").0, 3);
    let unknown = wrong("[tls]\ncertificat = 'a'\n");
    assert!(
        unknown.0 == 2 && unknown.1.contains("unknown field `certificat`"),
        "{unknown:?}"
    );
    let odd = wrong("[proxies]\n\ntrusted-proxies = ['::1', '10.0.0.0/33']\n");
    assert!(
        odd.0 == 3 && odd.1.starts_with("proxy \"10.0.0.0/33\": "),
        "{odd:?}"
    );
}

#[test]
fn zero_is_no_timeout() {
    assert!(
        wrong("[timeouts]\nidle-timeout = '0s'\n")
            .1
            .contains("above zero")
    );
    let delay = Settings::parse("drain-delay = '0s'\n").unwrap().drain_delay;
    assert_eq!(delay, Some(Duration::ZERO));
}

#[test]
fn origins_are_any_or_same_host_or_a_list() {
    use ws76_server::Origins as Of;
    let get = |text: &str| text.parse::<Origins>().map(|origins| origins.0);
    assert_eq!(get("any"), Ok(Of::any()));
    assert_eq!(get("same-host,null"), Ok(Of::same_host().with_null()));
    let list = Of::list(["https://a.example", "http://b:81"]).with_missing();
    assert_eq!(get("https://a.example,missing, http://b:81"), Ok(list));
    for odd in [
        "",
        "example.com",
        "any,null",
        "https://a/",
        "https://",
        "://a",
        "https://a b",
        "same-host,https://a",
    ] {
        assert!(get(odd).is_err(), "{odd}");
    }
}

#[test]
fn hosts_are_any_or_a_list() {
    let get = |text: &str| text.parse::<Hosts>().map(|hosts| hosts.0);
    assert_eq!(get("any"), Ok(ws76_server::Hosts::any()));
    assert_eq!(get("a, b:1"), Ok(ws76_server::Hosts::list(["a", "b:1"])));
    for odd in ["", "any,a", "http://a", "a b"] {
        assert!(get(odd).is_err(), "{odd}");
    }
}

#[test]
fn proxies_of_flags_win_over_those_of_the_file() {
    let file = Settings::parse("[proxies]\nproxy-protocol = true\ntrusted-proxies = ['::1']\n");
    let file = file.unwrap();
    let trusted = |list: &[&str]| ws76_server::TrustedProxies::list(list).unwrap();
    let loaded = Loaded::new(&file, &flags(&[]));
    assert!(loaded.proxy_protocol);
    assert_eq!(loaded.config.trusted_proxies, trusted(&["::1"]));
    let flags = flags(&[
        "--proxy-protocol=false",
        "--trusted-proxies=127.0.0.1, 10.0.0.0/8",
    ]);
    let loaded = Loaded::new(&file, &flags);
    assert!(!loaded.proxy_protocol);
    let list = ["127.0.0.1", "10.0.0.0/8"];
    assert_eq!(loaded.config.trusted_proxies, trusted(&list));
    let none = self::flags(&["--trusted-proxies=none"]);
    let loaded = Loaded::new(&file, &none);
    assert_eq!(loaded.config, Config::new());
}

#[test]
fn what_needs_a_restart_is_named() {
    let nothing = Settings::default();
    let before = Loaded::new(&nothing, &nothing);
    let after = flags(&[
        "--listen=a:1",
        "--max-connections=7",
        "--idle-timeout=1s",
        "--trusted-proxies=::1",
        "--proxy-protocol",
        "--defer-accept",
        "--key=a",
    ]);
    let after = Loaded::new(&nothing, &after);
    let fixed = [
        "listen",
        "key",
        "proxy-protocol",
        "defer-accept",
        "max-connections",
    ];
    assert_eq!(before.fixed(&after), fixed);
    assert_eq!(before.fixed(&before), [""; 0]);
}

#[test]
fn listen_takes_names_and_addresses() {
    let get = |text: &str| text.parse::<Listen>().map(|at| (at.host, at.port));
    assert_eq!(get("localhost:9000"), Ok(("localhost".to_owned(), 9000)));
    assert_eq!(get("0.0.0.0:0"), Ok(("0.0.0.0".to_owned(), 0)));
    assert_eq!(get("[::1]:80"), Ok(("::1".to_owned(), 80)));
}

#[test]
fn listen_refuses_what_is_not_an_address_and_a_port() {
    for text in [
        "",
        "localhost",
        ":9000",
        "localhost:",
        "localhost:65536",
        "[]:1",
    ] {
        assert!(text.parse::<Listen>().is_err(), "{text}");
    }
}
