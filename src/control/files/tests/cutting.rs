//! A file means the same cut and whole.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::fuzzing::cut_and_whole;
use super::super::plain_routes::PlainRoutes;
use super::super::route_file::RouteFile;
use super::*;

/// Lines of which some files are made that are hard to cut.
const LINES: &[&str] = &[
    "[[number]]",
    "[[number]]",
    "[[number]]",
    "  [[number]] # one",
    "[[ number ]]",
    "[[\"number\"]]",
    "number = \"+1415555010$\"",
    "number = \"+1415555010$\"",
    "number = \"+1415555010$\"",
    "number = 'user-$'",
    "number = []",
    "number.headers = {}",
    "[number]",
    "[number.headers]",
    "[ \"n\\u0075mber\" . headers]",
    "[[number.header_rules]]",
    "X-A = \"$\"",
    "header = \"X\"",
    "equals = \"a\"",
    "agent = \"agent-$\"",
    "agent = \"agent-$\"",
    "agent = \"agent-$\"",
    "agent = \"a\\u0062\"",
    "pin = \"V$\"",
    "pin = \"live\"",
    "pin = \"v1\"",
    "split = \"split-$\"",
    "site_variant = \"berlin\"",
    "fallback = \"sip:desk-$@h\"",
    "fallback = \"+1415555010$\"",
    "fallback = \"ftp://$\"",
    "headers = { X-A = \"$\" }",
    "headers = {",
    "}",
    "headers = [",
    "]",
    "# a comment",
    "# [[number]]",
    "# \"\"\"",
    "",
    "\t ",
    "[[split]]",
    "id = \"split-$\"",
    "arms = [",
    "]",
    "arms = [{ id = \"a\", agent = \"x\", weight = 1 }]",
    "[[split.arms]]",
    "id = \"a\"",
    "weight = 1",
    "[0, 9999, \"number\"],",
    "[split.unit]",
    "[[prefix]]",
    "prefix = \"+1415$\"",
    "[prefix.headers]",
    "[[caller_pin]]",
    "caller = \"+1415555010$\"",
    "[default]",
    "[default.headers]",
    "[default] # here",
    "name = \"\"\"",
    "\"\"\"",
    "name = '''",
    "'''",
    "name = \"[[number]]\"",
    "account = \"ws-9\"",
    "colour = 1",
    "\u{7f}",
    "# \u{1}",
    "agent = \"ä\"",
    "agent = \"x\" # é",
];

fn some_lines() -> impl Strategy<Value = String> {
    let line = (0..LINES.len(), 0..10u8, prop_oneof![9 => Just("\n"), 1 => Just("\r\n")]);
    proptest::collection::vec(line, 0..24).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(line, n, end)| format!("{}{end}", LINES[line].replace('$', &n.to_string())))
            .collect()
    })
}

/// Files made of whole tables, most of which are right.
fn some_tables() -> impl Strategy<Value = String> {
    let table = (0..12u8, 0..40u8, 0..3u8).prop_map(|(kind, n, to)| {
        let lead = ["agent = \"agent-1\"", "agent = \"agent-1\"\npin = \"V2\"", "split = \"s\""][usize::from(to)];
        let number = format!("[[number]]\nnumber = \"+141555501{n:02}\"\n{lead}\n");
        match kind {
            0 => format!("{number}headers = {{ X = \"{n}\" }}\n"),
            1 => format!("{number}[number.headers]\nX = \"{n}\"\n"),
            2 => format!("{number}[[number.header_rules]]\nheader = \"X\"\nprefix = \"[[number]]\"\nagent = \"a\"\n"),
            3 => format!("[[split]]\nid = \"s{n}\"\narms = [\n  {{ id = \"number\", agent = \"x\", weight = {n} }},\n]\n"),
            4 => format!("[[split]]\nid = \"s{n}\"\n{number}[[split.arms]]\nid = \"a\"\nagent = \"x\"\nweight = 2\n"),
            5 => format!("[[prefix]]\nprefix = \"+{}\"\n{lead}\n{number}[prefix.headers]\nX = \"1\"\n", n + 1),
            6 => format!("[default]\n{lead}\n{number}"),
            7 => format!("{number}[number.headers]\n# [[split]]\n"),
            8 => format!("[[prefix]]\nprefix = \"+{}\"\n{lead}\n[number.headers]\nY = \"1\"\n", n + 1),
            _ => number,
        }
    });
    proptest::collection::vec(table, 0..12).prop_map(|tables| tables.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_file_of_any_lines_means_the_same_cut_and_whole(text in some_lines()) {
        let (cut, whole) = cut_and_whole(&text);
        prop_assert_eq!(cut.is_ok(), whole.is_ok(), "{}\n{:#?}\n{:#?}", text, cut, whole);
        if let (Ok(cut), Ok(whole)) = (cut, whole) {
            prop_assert_eq!(cut, whole, "{}", text);
        }
    }

    #[test]
    fn a_file_of_any_tables_means_the_same_cut_and_whole(text in some_tables()) {
        let (cut, whole) = cut_and_whole(&text);
        prop_assert_eq!(cut.is_ok(), whole.is_ok(), "{}\n{:#?}\n{:#?}", text, cut, whole);
        if let (Ok(cut), Ok(whole)) = (cut, whole) {
            prop_assert_eq!(cut, whole, "{}", text);
        }
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for path in ["routes/a.toml", "agents/a/agent.toml", "agents/a/V1.toml", "x"] {
            drop(read(&[file(path, &bytes)]));
        }
    }
}

#[test]
fn a_text_of_several_lines_may_look_like_a_table() {
    let text = "[[number]]\nnumber = \"+14155550100\"\nagent = \"a\"\n[[number]]\nnumber = \"+14155550101\"\nagent = \"a\"\n\
                headers = { X = '''\n[[number]]\nnumber = \"+14155550102\"\nagent = \"a\"\n''' }\n";
    let (cut, whole) = cut_and_whole(text);
    assert!(cut.is_err(), "a header's value has no line ends");
    assert_eq!(cut, whole);
    let (cut, whole) = cut_and_whole(&text.replace("headers = { X", "agent"));
    assert!(cut.is_err() && whole.is_err());
}

#[test]
fn what_clashes_with_a_number_clashes_cut_as_well() {
    let number = |n| format!("[[number]]\nnumber = \"+1415555010{n}\"\nagent = \"a\"\n");
    for clash in ["number = []\n", "number = { x = 1 }\n", "number.x = 1\n", "[number]\nx = 1\n"] {
        let (cut, whole) = cut_and_whole(&format!("{clash}{}{}", number(1), number(2)));
        assert!(cut.is_err() && whole.is_err(), "{clash:?}: {cut:?} {whole:?}");
    }
}

#[test]
fn what_is_written_reads_back() {
    let text = "account = \"ws-7\"\n\n[[split]]\nid = \"spring\"\nname = \"Spring\"\nunit = { header = \"X-U\" }\n\
                starts_at = 2026-01-01T00:00:00+01:00\nends_at = \"2026-02-01T00:00:00Z\"\ncall_quota = 1000\npaused = true\n\
                owners = [[0, 7999, \"control\"], [8000, 9999, \"test\"]]\n\
                arms = [\n  { id = \"control\", agent = \"sales\", pin = \"V3\", weight = 80 },\n  \
                { id = \"test\", name = \"New\", agent = \"sales\", weight = 20 },\n]\n\n\
                [[number]]\nnumber = \"+14155550100\"\nsplit = \"spring\"\n\n\
                [[number]]\nnumber = \"+14155550101\"\nagent = \"sales\"\npin = \"V3\"                       # a comment\n\
                headers = { X-Brand = \"north\" }\n\
                header_rules = [{ header = \"X-Env\", equals = \"test\", pin = \"sandbox\" }]\n\n\
                [[prefix]]\nprefix = \"+1415\"\nagent = \"sales\"\npin = \"live\"\n\n\
                [default]\nagent = \"reception\"\npin = \"live\"\n";
    let path: Arc<str> = Arc::from("routes/a.toml");
    let file = RouteFile::read(&mut PlainRoutes::new(&account()), &path, text.as_bytes()).sound().unwrap();
    let json = |value: &crate::domain::route::Route| serde_json::to_string(value).unwrap();
    let split = &file.splits[0].value;
    assert_eq!((split.name.as_str(), split.call_quota, split.paused), ("Spring", Some(1_000), true));
    assert_eq!(split.starts_at.unwrap().to_string(), "2025-12-31T23:00:00.000Z");
    assert_eq!(split.ends_at.unwrap().to_string(), "2026-02-01T00:00:00.000Z");
    assert_eq!(split.owners.as_ref().unwrap().len(), 2);
    assert_eq!(
        (split.arms[0].pin.to_string(), split.arms[1].pin.to_string()),
        ("V3".to_owned(), "draft".to_owned())
    );
    let lines: Vec<_> = file.numbers.phones.iter().map(|row| row.line).collect();
    assert_eq!(lines, [18, 22]);
    let routes: Vec<_> =
        file.numbers.phones.iter().map(|row| json(&file.routes[row.route as usize].value)).collect();
    assert_eq!(routes[0], r#"{"account":"ws-7","managedBy":"files","splitId":"spring"}"#);
    assert_eq!(
        routes[1],
        r#"{"account":"ws-7","managedBy":"files","agentId":"sales","pin":"V3","headerRules":[{"header":"X-Env","equals":"test","pin":"sandbox"}],"headers":{"X-Brand":"north"}}"#
    );
    assert_eq!(
        json(&file.default.unwrap().value),
        r#"{"account":"ws-7","managedBy":"files","agentId":"reception","pin":"live"}"#
    );
    assert_eq!(file.prefixes[0].at.line, 29);
}
