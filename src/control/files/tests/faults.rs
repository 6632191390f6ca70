//! Each fault with its place, and what it says.

use super::*;

/// Faults of one route file as `line:column message`.
fn faults_of(text: &str) -> Vec<String> {
    let faults = read(&[file("routes/a.toml", text)]).err().unwrap_or_default();
    faults
        .iter()
        .map(|fault| {
            assert_eq!(fault.file, "routes/a.toml");
            format!("{}:{} {} ({})", fault.line, fault.column, fault.message, fault.expected)
        })
        .collect()
}

#[track_caller]
fn one_fault(text: &str, place: &str, words: &[&str]) {
    let faults = faults_of(text);
    let [fault] = faults.as_slice() else { panic!("{text:?}: {faults:#?}") };
    assert!(fault.starts_with(&format!("{place} ")), "{text:?}: {fault}");
    for word in words {
        assert!(fault.contains(word), "{text:?}: {fault} lacks {word}");
    }
}

/// A good number before and after, so that the fault is found behind a cut as well.
fn amid(table: &str) -> String {
    let good = |n| format!("[[number]]\nnumber = \"+1415555010{n}\"\nagent = \"sales\"\n");
    format!("{}{table}\n{}", good(1), good(2))
}

#[test]
fn a_fault_of_a_caller_pin_stands_at_its_line_and_column() {
    for (lines, place, words) in [
        ("agent = \"a\"\npin = \"V1\"", "4:1", ["caller: is missing", "7 to 15 digits"]),
        ("caller = \"alice\"\npin = \"V1\"", "4:1", ["agent: is missing", "an agent's id"]),
        ("caller = \"alice\"\nagent = \"a\"", "4:1", ["pin: is missing", "V<n>"]),
        ("caller = \"+12\"\nagent = \"a\"\npin = \"V1\"", "5:10", ["caller: has a plus", "7 to 15 digits"]),
        ("caller = \"anonymous\"\nagent = \"a\"\npin = \"V1\"", "5:10", ["caller: stands for", "withhold"]),
        ("caller = \"alice\"\nagent = \"a\"\npin = \"v1\"", "7:7", ["pin: \"v1\"", "V<n>"]),
        (
            "caller = \"alice\"\nagent = \"a\"\npin = \"V1\"\nuntil = 2026-01-01",
            "8:9",
            ["until: is of the type datetime", "offset"],
        ),
        ("caler = \"b\"\ncaller = \"alice\"\nagent = \"a\"\npin = \"V1\"", "5:1", ["caler", "`caller`"]),
    ] {
        one_fault(&amid(&format!("[[caller_pin]]\n{lines}")), place, &words);
    }
}

#[test]
fn a_header_that_is_reserved_is_a_fault_of_its_number() {
    let lines = "number = \"+14155550100\"\nagent = \"a\"\nheaders = { Via = \"x\" }";
    one_fault(&amid(&format!("[[number]]\n{lines}")), "7:13", &["headers.Via", "is reserved"]);
}

#[test]
fn a_fault_of_a_number_stands_at_its_line_and_column() {
    for (lines, place, words) in [
        ("numbr = \"+1\"\nnumber = \"+14155550100\"\nagent = \"a\"", "5:1", ["numbr", "`number`"]),
        ("number = \"+1\"\nagent = \"a\"", "5:10", ["number: \"+1\" has a plus", "7 to 15 digits"]),
        ("number = 14155550100\nagent = \"a\"", "5:10", ["number: is of the type integer", "digits"]),
        ("agent = \"a\"", "4:1", ["number: is missing", "every number"]),
        ("number = \"+14155550100\"", "4:1", ["agent: is missing", "either agent (and pin) or split"]),
        ("number = \"+14155550100\"\nagent = \"a b\"", "6:9", ["agent: \"a b\"", "letters"]),
        ("number = \"+14155550100\"\nagent = \"a\"\npin = \"v3\"", "7:7", ["pin: \"v3\"", "V<n>"]),
        (
            "number = \"+14155550100\"\nagent = \"a\"\npin = 3",
            "7:7",
            ["pin: is of the type integer", "draft"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nsplit = \"s\"",
            "7:9",
            ["split: stands beside", "either"],
        ),
        ("number = \"+14155550100\"\nsplit = \"s\"\npin = \"V1\"", "7:7", ["pin: stands beside", "either"]),
        ("number = \"+14155550100\"\nsplit = \"s s\"", "6:9", ["split: \"s s\"", "underscores"]),
        ("number = \"+14155550100\"\nagent = \"a\"\nsite_variant = \"ä\"", "7:16", ["site_variant", "ASCII"]),
        ("number = \"+14155550100\"\nagent = \"a\"\nheaders = { A = 1 }", "7:17", ["headers.A", "a text"]),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheaders = { \"A B\" = \"1\" }",
            "7:13",
            ["headers.A B", "no header name"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheaders = { X-A = \"x\\ny\" }",
            "7:13",
            ["headers.X-A", "control characters"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheader_rules = 1",
            "7:16",
            ["header_rules: is of", "a list"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheader_rules = [{ header = \"X\", regex = \"(\" }]",
            "7:41",
            ["header_rules[0].regex", "is no expression"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheader_rules = [{ header = \"X\" }]",
            "7:17",
            ["header_rules[0]: 0 tests", "one of equals, prefix, regex"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheader_rules = [{ equals = \"x\" }]",
            "7:17",
            ["header_rules[0].header: is missing", "header"],
        ),
        (
            "number = \"+14155550100\"\nagent = \"a\"\nheader_rules = [{ header = \"X\", equal = \"x\" }]",
            "7:33",
            ["equal", "`equals`"],
        ),
        (
            "number = \"+14155550100\"\nsplit = \"s\"\nheader_rules = [{ header = \"X\", equals = \"x\" }]",
            "7:17",
            ["header_rules[0].agent", "has no agent of its own"],
        ),
        (
            "number = \"+14155550101\"\nagent = \"a\"",
            "5:10",
            ["+14155550101 is given twice, first in line 2", "once"],
        ),
        (
            "number = \"+14155550100\"\nnumber = \"+14155550103\"\nagent = \"a\"",
            "6:1",
            ["is no TOML: duplicate key", "TOML"],
        ),
        ("number = \"+14155550100\nagent = \"a\"", "5:23", ["is no TOML", "TOML"]),
    ] {
        one_fault(&amid(&format!("[[number]]\n{lines}")), place, &words);
    }
}

#[test]
fn a_fault_of_another_table_stands_at_its_line_and_column() {
    let split = |rest: &str| format!("[[split]]\nid = \"s\"\n{rest}");
    let arm = "{ id = \"a\", agent = \"x\", weight = 1 }";
    for (table, place, words) in [
        (
            "[[prefix]]\nprefix = \"1415\"\nagent = \"a\"".to_owned(),
            "5:10",
            ["prefix: \"1415\"", "+ and 1 to 15"],
        ),
        ("[[prefix]]\nagent = \"a\"".to_owned(), "4:1", ["prefix: is missing", "every prefix"]),
        ("[default]\npin = \"V1\"".to_owned(), "4:1", ["agent: is missing", "either agent"]),
        (
            "[default]\nnumber = \"+14155550100\"\nagent = \"a\"".to_owned(),
            "5:1",
            ["no key \"number\"", "one of agent"],
        ),
        ("[[numbr]]\nnumber = \"+1\"".to_owned(), "4:3", ["numbr", "`number`"]),
        ("[caller]\nx = 1".to_owned(), "4:2", ["caller", "one of number, prefix"]),
        (format!("[[split]]\narms = [{arm}]"), "4:1", ["id: is missing", "every split"]),
        (split("arms = []"), "6:8", ["arms: expected 1 to 16 arms", "()"]),
        (
            split("arms = [{ id = \"a\", agent = \"x\", weight = 0 }]"),
            "6:8",
            ["all weights are 0", "above 0"],
        ),
        (
            split("arms = [{ id = \"a\", agent = \"x\", weight = -1 }]"),
            "6:43",
            ["arms[0].weight: -1", "0 to 1,000,000"],
        ),
        (
            split("arms = [{ id = \"a\", agent = \"x\", weight = 1.5 }]"),
            "6:43",
            ["arms[0].weight", "whole number"],
        ),
        (split("arms = [{ id = \"a\", weight = 1 }]"), "6:9", ["arms[0].agent: is missing", "agent's id"]),
        (
            split("arms = [{ id = \"a\", agent = \"x\", wieght = 1, weight = 1 }]"),
            "6:34",
            ["wieght", "`weight`"],
        ),
        (split(&format!("arms = [{arm}, {arm}]")), "6:55", ["arms[1].id", "earlier arm"]),
        (split(&format!("arms = [{}]", [arm; 17].join(","))), "6:8", ["arms: 17 of them", "at most 16"]),
        (split(&format!("arms = [{arm}]\nunit = \"colour\"")), "7:8", ["unit: \"colour\"", "header"]),
        (
            split(&format!("arms = [{arm}]\nunit = {{ header = \"X Y\" }}")),
            "7:19",
            ["unit.header", "no header name"],
        ),
        (
            split(&format!("arms = [{arm}]\nstarts_at = 2026-01-01")),
            "7:13",
            ["starts_at: is of the type datetime", "offset"],
        ),
        (split(&format!("arms = [{arm}]\nends_at = \"soon\"")), "7:11", ["ends_at: \"soon\"", "2026"]),
        (
            split(&format!(
                "arms = [{arm}]\nstarts_at = 2026-01-02T00:00:00Z\nends_at = \"2026-01-01T00:00:00Z\""
            )),
            "8:11",
            ["ends_at", "not after starts_at"],
        ),
        (
            split(&format!("arms = [{arm}]\npaused = 1")),
            "7:10",
            ["paused: is of the type integer", "true or false"],
        ),
        (split(&format!("arms = [{arm}]\ncall_quota = -1")), "7:14", ["call_quota: -1", "whole number"]),
        (
            split(&format!("arms = [{arm}]\nowners = [[0, 10000, \"a\"]]")),
            "7:15",
            ["owners[0]: 10000", "0 to 9999"],
        ),
        (split(&format!("arms = [{arm}]\nowners = [[0, 9999]]")), "7:11", ["owners[0]", "runs"]),
    ] {
        one_fault(&amid(&table), place, &words);
    }
    one_fault("account = \"a b\"", "1:11", &["account: \"a b\"", "an account's id"]);
    one_fault("number = 3", "1:10", &["number: is of the type integer", "a list"]);
    one_fault("number = [3]", "1:11", &["number: is of the type integer", "a table"]);
}

#[test]
fn a_fault_of_a_limit_or_a_fallback_stands_at_its_line_and_column() {
    let number = |fallback: &str| {
        format!("[[number]]\nnumber = \"+14155550100\"\nagent = \"a\"\nfallback = \"{fallback}\"")
    };
    one_fault(&amid(&number("ftp://h")), "7:12", &["fallback", "SIP user"]);
    let itself = ["fallback: +14155550100 is the number itself", "another number"];
    one_fault(&amid(&number("+14155550100")), "7:12", &itself);
    let split = |calls: &str| {
        format!(
            "[[split]]\nid = \"s\"\narms = [{{ id = \"a\", agent = \"x\", weight = 1, max_calls_in_progress = {calls} }}]"
        )
    };
    for calls in ["0", "100000001", "-1", "\"5\""] {
        let words = ["arms[0].max_calls_in_progress: ", "from 1 to 100,000,000"];
        one_fault(&amid(&split(calls)), "6:70", &words);
    }
}

#[test]
fn what_is_no_text_is_a_fault() {
    let place = |bytes: &[u8]| {
        let faults = read(&[file("routes/a.toml", bytes)]).unwrap_err();
        (faults[0].line, faults[0].column, faults[0].message.clone())
    };
    assert_eq!(place(b"account = \"ws-1\"\n# \xff"), (2, 3, "is not UTF-8".to_owned()));
    assert_eq!(place(b"#\0"), (1, 2, "has a NUL byte".to_owned()));
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(!faults_of(&deep).is_empty());
}

#[test]
fn all_faults_are_told_at_once_in_order_and_a_hundred_at_most() {
    let mut text = String::new();
    for i in 0..150 {
        write!(text, "[[number]]\nnumber = \"+1\"\nagent = \"a\" # {i}\n").unwrap();
    }
    let faults =
        read(&[file("routes/b.toml", &text), file("routes/a.toml", "x = 1\n[default]\n")]).unwrap_err();
    assert_eq!(faults.len(), 100);
    let places: Vec<_> = faults.iter().map(|fault| (&fault.file, fault.line)).collect();
    assert!(places.is_sorted());
    assert_eq!((places[0].1, places[1].1, places[2].1), (1, 2, 5));
}

#[test]
fn a_file_with_marks_and_line_ends_of_another_system_is_read() {
    let text = "\u{feff}account = \"ws-1\"\r\n[[number]]\r\nnumber = \"+14155550100\"\r\nagent = \"agent-0\"\r\n\
                [[number]]\r\nnumber = \"+14155550101\"\r\nagent = \"agent-0\"\r\npin = \"V1\"\r\n";
    let files: Vec<_> = agents(1).into_iter().chain([file("routes/a.toml", text)]).collect();
    assert_eq!(checked(&files).unwrap().numbers, 2);
}

#[test]
fn what_files_name_must_exist_somewhere_in_them() {
    let text = "[[number]]\nnumber = \"+14155550100\"\nagent = \"agent-0\"\n\n\
                [[number]]\nnumber = \"+14155550101\"\nagent = \"agent-9\"\n\n\
                [[number]]\nnumber = \"+14155550102\"\nagent = \"agent-0\"\npin = \"V7\"\n\n\
                [[number]]\nnumber = \"+14155550103\"\nsplit = \"none\"\n";
    let files: Vec<_> = agents(1).into_iter().chain([file("routes/a.toml", text)]).collect();
    let faults = checked(&files).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!((lines, faults.len()), (vec![7, 12, 16], 3), "{faults:#?}");
}

#[test]
fn numbers_and_splits_of_two_files_are_a_fault_that_names_both() {
    let number = "[[number]]\nnumber = \"+14155550100\"\nagent = \"agent-0\"\n";
    let mut files = agents(1);
    files.push(file("routes/a.toml", format!("{}{number}", splits(1))));
    files.push(file("routes/b.toml", format!("\n{number}{}", splits(1))));
    let faults = checked(&files).unwrap_err();
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "routes/b.toml:3:10: number: +14155550100 is given twice, first in routes/a.toml:10 (expected each number in one file)",
            "routes/b.toml:6:6: split split-0 is given twice, first in routes/a.toml:2 (expected each of them once)",
        ]
    );
}
