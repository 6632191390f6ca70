//! Who may name whom: the rooms of `src/` and what each of them must never reach.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::Path;
use std::str::FromStr as _;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

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

/// What a file of a room names but must not. `depth` is how many modules it is in, the room among them.
fn breaches(room: &Room, text: &str, depth: usize) -> BTreeSet<String> {
    let code = TokenStream::from_str(text).unwrap();
    let mut paths = BTreeSet::new();
    read(code, depth, &mut paths);
    let is_breach = |path: &String| match path.strip_prefix("crate::") {
        // A macro of the crate is no room.
        Some(within) if within.ends_with('!') => false,
        Some(within) => {
            let first = within.split("::").next().unwrap_or_default();
            first != room.name && !room.may.contains(&first)
        }
        None => {
            let path = format!("::{path}::");
            room.never.iter().any(|never| path.contains(&format!("::{never}")))
        }
    };
    paths.into_iter().filter(is_breach).collect()
}

/// All paths that code names, those of its macros too, one for each leaf of a tree: `a::{b, c::d}` are `a::b` and `a::c::d`.
/// What `super` leads to is named from `crate` where that is out of the room.
fn read(code: TokenStream, depth: usize, paths: &mut BTreeSet<String>) {
    let mut code = code.into_iter().peekable();
    while let Some(token) = code.next() {
        match token {
            TokenTree::Group(group) => read(group.stream(), depth, paths),
            TokenTree::Ident(word) if word == "mod" => {
                code.next();
                if let Some(TokenTree::Group(within)) =
                    code.next_if(|next| matches!(next, TokenTree::Group(_)))
                {
                    read(within.stream(), depth + 1, paths);
                }
            }
            TokenTree::Ident(first) => read_path(&first.to_string(), &mut code, depth, paths),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The path that begins with a word, or all paths of the tree.
fn read_path(first: &str, code: &mut Peekable<IntoIter>, depth: usize, paths: &mut BTreeSet<String>) {
    let mut path = first.to_owned();
    while let Some(next) = after_colons(code) {
        match next {
            TokenTree::Group(tree) if tree.delimiter() == Delimiter::Brace => {
                let mut leaves = BTreeSet::new();
                read(tree.stream(), usize::MAX, &mut leaves);
                paths.extend(leaves.into_iter().map(|leaf| from_crate(&format!("{path}::{leaf}"), depth)));
                return;
            }
            TokenTree::Group(other) => return read(other.stream(), depth, paths),
            next => path = format!("{path}::{next}"),
        }
    }
    if code.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!')).is_some() {
        path.push('!');
    }
    // Under another name all of it would be out of sight.
    if path == "crate" && matches!(code.peek(), Some(TokenTree::Ident(word)) if word == "as") {
        path.push_str("::*");
    }
    paths.insert(from_crate(&path, depth));
}

/// What stands behind two colons, if they come next.
fn after_colons(code: &mut Peekable<IntoIter>) -> Option<TokenTree> {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    let is_first = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint);
    code.next_if(is_first)?;
    code.next_if(is_colon)?;
    code.next()
}

/// A path that leaves the room by `super`, named from `crate`; any other as it is.
fn from_crate(path: &str, depth: usize) -> String {
    let mut rest = path.strip_prefix("self::").unwrap_or(path);
    for _ in 0..depth {
        let Some(above) = rest.strip_prefix("super::") else { return path.to_owned() };
        rest = above;
    }
    format!("crate::{rest}")
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
        for (file, text) in own.into_iter().filter(|(file, _)| file.ends_with(".rs")) {
            let depth = Path::new(&file).strip_prefix(&src).unwrap().components().count();
            all.extend(breaches(room, &text, depth).into_iter().map(|path| format!("{file} names {path}")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_room_is_on_the_list() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = |line: &str| {
        let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        Some(line.strip_prefix("mod ")?.trim_end_matches(['{', ' ', ';']).to_owned())
    };
    for room in lib.lines().filter_map(modules) {
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
        ("gateways", "use crate::{http::{error, json}, control};"),
        ("gateways", "use crate::{\n  http::json::{self, Json},\n  routing,\n  store::{port}\n};"),
        ("gateways", "fn f() { write!(out, \"{}\", crate::store::NAME); }"),
        ("gateways", "use crate as root;"),
        ("gateways", "use super::super::control::Control;"),
        ("gateways", "use super::{super::store::port, answer};"),
        ("gateways", "mod tests { use super::super::super::store; }"),
        ("gateways", "pub(in crate::control) fn f() {}"),
        ("api", "use crate::store;"),
        ("api", "use crate::routing::live::Live;"),
        ("domain", "use crate::routing;"),
        ("domain", "use std::fs;"),
        ("domain", "use std::{fmt, fs::File};"),
        ("domain", "use std::{net::{IpAddr, TcpStream}};"),
        ("domain", "let now = Instant::now();"),
        ("domain", "let x: f64 = rand::random();"),
        ("routing", "tokio::spawn(f);"),
        ("cli", "use crate::settings::Flags;"),
        ("http", "use crate::domain::id;"),
    ] {
        assert_eq!(breaches(room(name), text, 2).len(), 1, "{name}: {text}");
    }
    for (name, text) in [
        ("gateways", "// crate::store is out of reach\nuse crate::routing::live::Live;"),
        ("gateways", "/// Not [`crate::store`].\nconst HINT: &str = \"crate::store\";"),
        ("gateways", "use super::store;"),
        ("gateways", "mod tests { use super::super::control; use super::*; }"),
        ("gateways", "use self::store::port;"),
        ("control", "crate::metrics! {}"),
        ("api", "use crate::api::numbers;"),
        ("domain", "let rest = std::fmt::Write::write_str;"),
    ] {
        assert_eq!(breaches(room(name), text, 2), BTreeSet::new(), "{name}: {text}");
    }
}
