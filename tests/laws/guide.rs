//! What `docs/operators-guide.md` explains is what there is: every refusal, every metric, every command.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cordboard::domain::account::Permission;

use super::world::World;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn guide() -> String {
    fs::read_to_string(root().join("docs/operators-guide.md")).unwrap()
}

/// The text of every source file, without its tests.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, texts);
        } else if name.ends_with(".rs") && !["tests.rs", "testing.rs", "books.rs"].contains(&name) {
            let text = fs::read_to_string(&path).unwrap();
            texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
}

/// Whether a text is in the form of a code: words in capitals, joined by underscores.
fn is_code(text: &str) -> bool {
    text.len() > 4
        && text.contains('_')
        && text.split('_').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Codes of one word, which other texts look like.
const SINGLE: [&str; 1] = ["OVERLOADED"];
/// Texts in the form of a code that are none.
const NO_CODES: [&str; 3] = ["CORDBOARD_", "CARGO_", "NO_COLOR"];

fn codes() -> BTreeSet<String> {
    let mut texts = Vec::new();
    sources(&root().join("src"), &mut texts);
    let literals = texts.iter().flat_map(|text| text.split('"').skip(1).step_by(1));
    let codes = literals.filter(|text| is_code(text) || SINGLE.contains(text));
    codes.filter(|text| !NO_CODES.iter().any(|no| text.starts_with(no))).map(str::to_owned).collect()
}

#[test]
fn every_refusal_has_its_paragraph_and_every_paragraph_its_refusal() {
    let guide = guide();
    let paragraphs: BTreeSet<String> =
        guide.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    assert_eq!(codes(), paragraphs, "left: in src/, right: in the guide");
}

#[test]
fn every_metric_has_its_row_and_every_row_its_metric() {
    let guide = guide();
    let rows: BTreeSet<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("cordboard_") || name.starts_with("process_"))
        .collect();
    let page = World::example().with_variable("CORDBOARD_SIP", "127.0.0.1:0").running().metrics();
    let mut there: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    // Shown only where there is a certificate.
    there.extend([
        "cordboard_tls_certificate_expiry_timestamp_seconds",
        "cordboard_tls_reloads_total",
        "cordboard_tls_reload_failures_total",
    ]);
    assert_eq!(there, rows, "left: at /metrics, right: in the guide");
    for named in guide.split(['`', ' ', '(']).filter(|word| word.starts_with("cordboard_")) {
        let name = named.split(['{', '[', ')']).next().unwrap().trim_end_matches("_count");
        assert!(there.contains(name), "{named} is no metric");
    }
}

/// The first cells of the table below a heading, and its second ones.
fn table_below(heading: &str) -> BTreeMap<String, String> {
    let guide = guide();
    let (_, below) = guide.split_once(&format!("\n## {heading}\n")).unwrap();
    let lines = below.lines().take_while(|line| !line.starts_with("## "));
    let rows = lines.filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(" |").next().unwrap().to_owned())).collect()
}

#[test]
fn every_permission_is_explained() {
    let told: BTreeSet<String> = table_below("Permissions").into_keys().collect();
    let there: BTreeSet<String> =
        Permission::ALL.into_iter().map(|permission| permission.as_str().to_owned()).collect();
    assert_eq!(told, there);
}

#[test]
fn every_setting_of_an_account_is_explained_with_its_default() {
    let world = World::example().running();
    let accounts = world.operator().get("/v1/accounts").must(200).json();
    let there = accounts["accounts"][0]["settings"].as_object().unwrap().iter();
    let there: BTreeMap<String, String> =
        there.map(|(name, value)| (name.clone(), format!("`{value}`"))).collect();
    assert_eq!(table_below("Settings of an account"), there);
}

#[test]
fn every_command_of_the_guide_is_one() {
    let world = World::example();
    let guide = guide();
    let commands: BTreeSet<Vec<&str>> = guide
        .split("cordboard ")
        .skip(1)
        .map(|rest| {
            let words = rest.split([' ', '`', '\n']).take(2);
            words
                .take_while(|word| {
                    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                })
                .filter(|word| !word.starts_with('-'))
                .collect()
        })
        .filter(|words: &Vec<&str>| !words.is_empty())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let shown = world.run(&[command.as_slice(), &["--help"]].concat());
        assert_eq!(shown.code(), 0, "cordboard {}: {}", command.join(" "), shown.err);
    }
}
