//! Who may name whom: the rooms of `src/` and what each of them must never reach.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A room, the rooms it may name, and paths of libraries it must not.
struct Room {
    name: &'static str,
    may: &'static [&'static str],
    never: &'static [&'static str],
}

const IO: &[&str] = &[
    "tokio::",
    "hyper::",
    "axum::",
    "arc_swap::",
    "dashmap::",
    "rand::",
    "rusqlite::",
    "notify::",
    "socket2::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::env",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
];
const STORES: &[&str] = &["rusqlite::"];

const ROOMS: &[Room] = &[
    Room { name: "domain", may: &[], never: IO },
    Room {
        name: "routing",
        may: &["domain"],
        never: &[
            "tokio::",
            "hyper::",
            "axum::",
            "rusqlite::",
            "std::fs",
            "std::net::Tcp",
            "Instant::now",
            "SystemTime::now",
        ],
    },
    Room { name: "store", may: &["domain", "telemetry"], never: &["tokio::", "hyper::", "axum::"] },
    Room {
        name: "control",
        may: &["domain", "routing", "store", "telemetry"],
        never: &["hyper::", "axum::", "rusqlite::"],
    },
    Room { name: "gateways", may: &["domain", "routing", "analytics", "http", "telemetry"], never: STORES },
    Room { name: "api", may: &["domain", "control", "analytics", "http", "telemetry"], never: STORES },
    Room { name: "cli", may: &["domain", "http"], never: STORES },
    Room { name: "http", may: &[], never: STORES },
    Room { name: "settings", may: &[], never: STORES },
    Room { name: "telemetry", may: &[], never: STORES },
    Room {
        name: "app",
        may: &[
            "domain",
            "routing",
            "store",
            "control",
            "gateways",
            "api",
            "cli",
            "http",
            "settings",
            "telemetry",
        ],
        never: &[],
    },
    Room {
        name: "fuzzing",
        may: &["domain", "routing", "store", "control", "gateways", "api", "http", "settings", "telemetry"],
        never: STORES,
    },
];

/// What a file of a room names but must not.
fn breaches(room: &Room, text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let named: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or("").split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for path in named {
            let first: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // A macro of the crate is no room.
            if path[first.len()..].starts_with('!') || first.is_empty() || first == room.name {
                continue;
            }
            if !room.may.contains(&first.as_str()) {
                found.insert(format!("crate::{first}"));
            }
        }
    }
    let never = room.never.iter().filter(|path| code.contains(**path)).map(|path| (*path).to_owned());
    found.into_iter().chain(never).collect()
}

fn files(path: &Path) -> Vec<(String, String)> {
    if path.is_file() {
        return vec![(path.display().to_string(), fs::read_to_string(path).unwrap())];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| files(path)).collect()
}

#[test]
fn every_room_names_only_whom_it_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for room in ROOMS {
        let own = [files(&src.join(format!("{}.rs", room.name))), files(&src.join(room.name))].concat();
        assert!(!own.is_empty(), "there is no room {}", room.name);
        for (file, text) in own {
            all.extend(breaches(room, &text).into_iter().map(|path| format!("{file} names {path}")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_room_is_on_the_list() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(ROOMS.iter().any(|known| known.name == room), "nobody says whom {room} may name");
    }
}

#[test]
fn the_rule_bites() {
    let room = |name| ROOMS.iter().find(|room| room.name == name).unwrap();
    for (name, text) in [
        ("gateways", "use crate::store::port::ControlStore;"),
        ("gateways", "fn f() { crate::control::Control::state(&c); }"),
        ("gateways", "use crate::{http, control};"),
        ("api", "use crate::store;"),
        ("api", "use crate::routing::live::Live;"),
        ("domain", "use crate::routing;"),
        ("domain", "use std::fs;"),
        ("domain", "let now = Instant::now();"),
        ("domain", "let x: f64 = rand::random();"),
        ("routing", "tokio::spawn(f);"),
        ("cli", "use crate::settings::Flags;"),
        ("http", "use crate::domain::id;"),
    ] {
        assert_eq!(breaches(room(name), text).len(), 1, "{name}: {text}");
    }
    for (name, text) in [
        ("gateways", "// crate::store is out of reach\nuse crate::routing::live::Live;"),
        ("control", "crate::metrics! {}"),
        ("api", "use crate::api::numbers;"),
    ] {
        assert!(breaches(room(name), text).is_empty(), "{name}: {text}");
    }
}
