//! Whoever mends files sees all faults of all files at once, and none that another one brings about.

use super::*;

/// All faults as `file:line:column message`.
fn told(files: &[SourceFile]) -> Vec<String> {
    let faults = checked(files).err().unwrap_or_default();
    faults.iter().map(|f| format!("{}:{}:{} {}", f.file, f.line, f.column, f.message)).collect()
}

#[track_caller]
fn tells(files: &[SourceFile], expected: &[&str]) {
    let told = told(files);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told} is not {expected}");
    }
}

fn with(mut files: Vec<SourceFile>, more: &[(&str, &str)]) -> Vec<SourceFile> {
    files.extend(more.iter().map(|(path, text)| file(path, text)));
    files
}

fn number(n: u8, to: &str) -> String {
    format!("[[number]]\nnumber = \"+1415555010{n}\"\n{to}\n")
}

#[test]
fn a_value_at_fault_hides_nothing_that_is_wrong_elsewhere() {
    let a = format!(
        "{}{}{}{}{}[[split]]\nid = \"s\"\narms = [{{ id = \"a\", agent = \"nobody\", weight = 1 }}]\n",
        number(0, "agent = \"agent-0\"\npin = \"v1\""),
        number(1, "agent = \"nobody\""),
        number(2, "agent = \"agent-0\"\npin = \"V7\""),
        number(3, "split = \"none\""),
        number(4, "agent = \"agent-0\""),
    );
    let b = format!("x = 1\n  {}", number(4, "agent = \"agent-0\"").replace("]]\n", "]]\n  "));
    tells(
        &with(agents(1), &[("routes/a.toml", &a), ("routes/b.toml", &b)]),
        &[
            "routes/a.toml:4:7 pin: \"v1\" is not valid",
            "routes/a.toml:7:9 number: agent: there is no agent nobody",
            "routes/a.toml:11:7 number: pin: agent agent-0 has no V7",
            "routes/a.toml:14:9 number: split: there is no split none",
            "routes/a.toml:20:29 split s: arms[0].agent: there is no agent nobody",
            "routes/b.toml:1:1 routes: there is no key \"x\"",
            "routes/b.toml:3:12 number: +14155550104 is given twice, first in routes/a.toml:16",
        ],
    );
}

#[test]
fn a_number_that_is_given_twice_hides_no_other_thing_that_is() {
    let prefix = "[[prefix]]\nprefix = \"+1\"\nagent = \"agent-0\"\n";
    let default = "[default]\nagent = \"agent-0\"\n";
    let a = format!(
        "{}{}{prefix}{default}{}",
        number(0, "agent = \"agent-0\""),
        number(0, "agent = \"b\""),
        splits(1)
    );
    let b = format!("{prefix}{default}{}", splits(1));
    tells(
        &with(agents(1), &[("routes/a.toml", &a), ("routes/b.toml", &b)]),
        &[
            "routes/a.toml:5:10 number: +14155550100 is given twice, first in line 2",
            "routes/a.toml:6:9 number: agent: there is no agent b",
            "routes/b.toml:2:10 prefix +1 is given twice, first in routes/a.toml:8",
            "routes/b.toml:4:1 the default route is given twice, first in routes/a.toml:10",
            "routes/b.toml:7:6 split split-0 is given twice, first in routes/a.toml:13",
        ],
    );
}

#[test]
fn an_account_that_is_not_there_is_told_once_a_file_and_hides_nothing() {
    let other = "account = \"ws-99999999\"\n";
    let a = format!(
        "{other}{}{}{}",
        number(0, "agent = \"agent-0\""),
        number(1, "agent = \"moved\"\npin = \"V9\""),
        number(2, "agent = \"nobody\"")
    );
    let moved = format!("{other}[environments]\nlive = \"V9\"\n");
    tells(
        &with(agents(1), &[("routes/a.toml", &a), ("agents/moved/agent.toml", &moved)]),
        &[
            "agents/moved/agent.toml:1:11 account: there is no account ws-99999999",
            "agents/moved/agent.toml:3:8 environments.live: agent moved has no V9",
            "routes/a.toml:1:11 account: there is no account ws-99999999",
            "routes/a.toml:11:9 number: agent: there is no agent nobody",
        ],
    );
}

#[test]
fn a_fault_of_an_agent_hides_neither_its_environments_nor_what_names_it() {
    let routes = format!(
        "{}{}{}{}",
        number(0, "agent = \"sales\"\npin = \"V1\""),
        number(1, "agent = \"sales\"\npin = \"V8\""),
        number(2, "agent = \"empty\"\npin = \"V3\""),
        number(3, "agent = \"broken\"\npin = \"live\"")
    );
    let files = with(
        Vec::new(),
        &[
            ("agents/sales/agent.toml", "nam = \"x\"\n[environments]\nlive = \"V9\"\nsandbox = \"V1\"\n"),
            ("agents/sales/V1.toml", "name = 3\n"),
            ("agents/empty/V2.toml", "name = \"E\"\n"),
            ("agents/broken/agent.toml", "name = \n"),
            ("routes/a.toml", &routes),
        ],
    );
    tells(
        &files,
        &[
            "agents/broken/agent.toml:1:",
            "agents/empty/agent.toml:0:0 is missing",
            "agents/sales/V1.toml:1:8 `name` is 3",
            "agents/sales/agent.toml:1:1 agent: there is no key \"nam\"",
            "agents/sales/agent.toml:3:8 environments.live: agent sales has no V9",
            "routes/a.toml:8:7 number: pin: agent sales has no V8",
        ],
    );
}

#[test]
fn what_names_something_that_could_not_be_read_is_no_fault() {
    let split =
        "[[split]]\nid = \"s\"\nweight = 1\narms = [{ id = \"a\", agent = \"agent-0\", weight = 1 }]\n";
    let a = format!("{split}{}{}", number(0, "split = \"s\""), number(1, "split = \"none\""));
    tells(
        &with(agents(1), &[("routes/a.toml", &a)]),
        &[
            "routes/a.toml:3:1 split: there is no key",
            "routes/a.toml:10:9 number: split: there is no split none",
        ],
    );
    let nameless = split.replace("id = \"s\"", "id = 3");
    tells(
        &with(agents(1), &[("routes/a.toml", &nameless), ("routes/b.toml", &number(1, "split = \"s\""))]),
        &["routes/a.toml:2:6 id: is of the type", "routes/a.toml:3:1 split: there is no key"],
    );
    let elsewhere = format!("account = 3\n{}", number(0, "agent = \"nobody\""));
    tells(
        &with(agents(1), &[("routes/a.toml", &elsewhere)]),
        &["routes/a.toml:1:11 account: is of the type"],
    );
}

#[test]
fn one_table_that_is_no_toml_hides_no_other() {
    let odd = |n, to: &str| format!("{}headers = {{}}\n", number(n, to));
    let a = format!(
        "{}{}number = \n{}{}[[prefix]]\nprefix = \"+1\"\nagent = \n[default]\nagent = \"nobody\"\n",
        number(0, "agent = \"agent-0\""),
        odd(1, "agent = \"agent-0\""),
        odd(2, "agent = \"nobody\""),
        number(3, "split = \"none\""),
    );
    let told = told(&with(agents(1), &[("routes/a.toml", &a)]));
    for expected in [
        "routes/a.toml:8:",
        "routes/a.toml:11:9 number: agent: there is no agent nobody",
        "routes/a.toml:15:9 number: split: there is no split none",
        "routes/a.toml:18:",
        "routes/a.toml:20:9 default: agent: there is no agent nobody",
    ] {
        assert!(told.iter().any(|told| told.starts_with(expected)), "{expected} is not in {told:#?}");
    }
}

#[test]
fn a_faulty_set_never_gives_for_gone_what_is_in_a_file_that_cannot_be_read() {
    let mut state = state();
    let routes = format!("{}{}", splits(1), number(0, "split = \"split-0\""));
    let files = with(agents(2), &[("routes/a.toml", &routes)]);
    let library = read(&files).unwrap();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let broken = [
        file("routes/a.toml", "[[split]]\nid =\n"),
        file("agents/agent-0/agent.toml", "name = 3\n"),
        file("agents/agent-1/V1.toml", "name = 3\n"),
    ];
    let set = library.read_what_can_be(&broken, &[]).file_set(&library, None);
    let command = Command {
        account: account(),
        author: Author::Files,
        at: Timestamp(1),
        action: Action::ApplyFiles(set.into()),
    };
    let faults = state.weigh(&command).unwrap_err().faults;
    let places: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line)).collect();
    assert_eq!(
        places,
        [("agents/agent-0/agent.toml", 1), ("agents/agent-1/V1.toml", 1), ("routes/a.toml", 2)],
        "{faults:#?}"
    );
}

#[test]
fn a_changed_version_and_a_number_of_the_api_are_told_with_line_and_column() {
    let mut state = state();
    let library = read(&agents(1)).unwrap();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let api = Action::PutNumber {
        number: crate::domain::address::Number::parse("+14155550100").unwrap(),
        route: crate::domain::route::Route {
            account: account(),
            ..crate::domain::testing::route("agent-0@live")
        },
    };
    let put = Command { account: account(), author: Author::Console, at: Timestamp(1), action: api };
    for change in &state.weigh(&put).unwrap().changes {
        state.absorb(change, &mut Touched::default());
    }
    let changed = [
        file("agents/agent-0/V1.toml", "name = \"other\"\n"),
        file("routes/a.toml", number(0, "agent = \"agent-0\"")),
    ];
    let set = library.read(&changed, &[]).unwrap().file_set(&library, None);
    let command = Command {
        account: account(),
        author: Author::Files,
        at: Timestamp(2),
        action: Action::ApplyFiles(set.into()),
    };
    let faults = super::super::located(state.weigh(&command).unwrap_err(), &changed).faults;
    let places: Vec<_> = faults.iter().map(|fault| (fault.file.as_str(), fault.line, fault.column)).collect();
    assert_eq!(places, [("agents/agent-0/V1.toml", 1, 1), ("routes/a.toml", 2, 10)], "{faults:#?}");
}

#[test]
fn warnings_are_of_all_files_whichever_of_them_changed() {
    const PINNED: &str = "agent = \"agent-0\"\npin = \"draft\"";
    let mut state = state();
    let a = number(0, PINNED).replace("+1", "1");
    let library = read(&with(agents(1), &[("routes/a.toml", &a)])).unwrap();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let next = library.read(&[file("routes/b.toml", number(1, PINNED))], &[]).unwrap();
    let set = next.file_set(&library, None);
    let command = Command {
        account: account(),
        author: Author::Files,
        at: Timestamp(1),
        action: Action::ApplyFiles(set.into()),
    };
    let warnings = state.weigh(&command).unwrap().warnings;
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("routes/a.toml:2:10: 14155550100 looks"),
        "{warnings:?}"
    );
    let many: String =
        (10..60).map(|n| number(0, PINNED).replace("+14155550100", &format!("141555501{n}"))).collect();
    let warnings =
        checked(&with(agents(1), &[("routes/a.toml", &a), ("routes/b.toml", &many)])).unwrap().warnings;
    assert_eq!(
        (warnings.len(), warnings[0].as_str()),
        (21, "31 more SIP users that may be meant as phone numbers")
    );
}

#[test]
fn without_its_file_the_draft_is_the_highest_version_whose_file_is_there() {
    let mut state = state();
    let version = |n: u8| format!("name = \"A\"\ndescription = \"{n}\"\n");
    let all = with(
        vec![file("agents/a/agent.toml", ""), file("agents/a/draft.toml", version(9))],
        &[
            ("agents/a/V1.toml", &version(1)),
            ("agents/a/V2.toml", &version(2)),
            ("agents/a/V3.toml", &version(3)),
        ],
    );
    let library = read(&all).unwrap();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let without_v3 = library.read(&[], &["agents/a/V3.toml".into()]).unwrap();
    apply(&mut state, &without_v3, &library).unwrap();
    let without_draft = without_v3.read(&[], &["agents/a/draft.toml".into()]).unwrap();
    apply(&mut state, &without_draft, &without_v3).unwrap();
    let mut fresh = super::state();
    apply(&mut fresh, &without_draft, &Library::new(&account())).unwrap();
    let draft = |state: &State| state.agents.iter().next().unwrap().1.draft.as_ref().unwrap().hash;
    assert_eq!(draft(&state), draft(&fresh));
}

/// What one route file is told, beside an agent `agent-0` with V1 and V2.
#[track_caller]
fn route_file_tells(text: &str, expected: &[&str]) {
    let places: Vec<String> = expected.iter().map(|told| format!("routes/a.toml:{told}")).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    tells(&with(agents(1), &[("routes/a.toml", text)]), &places);
}

#[test]
fn a_fault_of_form_hides_no_name_of_the_same_route_that_is_nowhere() {
    route_file_tells(
        &number(0, "agent = \"nobody\"\npin = 5"),
        &["3:9 number: agent: there is no agent nobody", "4:7 pin: is of the type integer"],
    );
    route_file_tells(
        &number(0, "agent = \"agent-0\"\npin = \"V7\"\nfallback = \"ftp://h\""),
        &["4:7 number: pin: agent agent-0 has no V7", "5:12 fallback: \"ftp://h\""],
    );
    route_file_tells(
        "[[number]]\nnumber = \"+1\"\nsplit = \"none\"\n[[prefix]]\nprefix = 1\nagent = \"nobody\"\n",
        &[
            "2:10 number: \"+1\" has a plus",
            "3:9 number: split: there is no split none",
            "5:10 prefix: is of the type integer",
            "6:9 prefix: agent: there is no agent nobody",
        ],
    );
    route_file_tells(
        "[default]\nagent = \"nobody\"\nheaders = { A = 1, Via = \"x\" }\n",
        &[
            "2:9 default: agent: there is no agent nobody",
            "3:17 headers.A: is of the type integer",
            "3:20 headers.Via: is reserved",
        ],
    );
    route_file_tells(
        &number(0, "agent = \"agent-0\"\nfallback = \"+14155550100\"\npin = \"V7\""),
        &["4:12 fallback: +14155550100 is the number itself", "5:7 number: pin: agent agent-0 has no V7"],
    );
}

#[test]
fn a_fault_of_form_of_a_header_rule_hides_neither_its_names_nor_other_rules() {
    let rules = "header_rules = [\n{ header = 3, equals = \"x\", agent = \"nobody\", pin = \"v1\" },\n\
                 { header = \"X\", regex = \"(\", pin = \"V9\" },\n{ header = \"A B\", agent = \"a b\" },\n]";
    let expected = [
        "5:12 header_rules[0].header: is of the type integer",
        "5:37 number: header_rules[0].agent: there is no agent nobody",
        "5:53 header_rules[0].pin: \"v1\"",
        "6:25 header_rules[1].regex: is no expression",
        "6:36 number: header_rules[1].pin: agent agent-0 has no V9",
        "7:1 header_rules[2]: 0 tests",
        "7:12 header_rules[2].header: is no header name",
        "7:27 header_rules[2].agent: \"a b\"",
    ];
    route_file_tells(&number(0, &format!("agent = \"agent-0\"\n{rules}")), &expected);
    // In a split the second rule lacks an agent too; of the third it was told that its agent is none.
    let in_split = expected.map(|told| match told.split_once(" number: header_rules[1].pin") {
        Some(_) => "6:1 header_rules[1].agent: is missing",
        None => told,
    });
    let [a, b, c, d, e, f, g, h] = in_split;
    let split = format!("{}{}", number(0, &format!("split = \"split-0\"\n{rules}")), splits(1));
    let files = with(agents(1), &[("routes/a.toml", &split)]);
    let places = [a, b, c, e, d, f, g, h].map(|told| format!("routes/a.toml:{told}"));
    tells(&files, &places.each_ref().map(String::as_str));
}

#[test]
fn a_fault_of_form_of_a_split_hides_neither_its_arms_nor_its_own_rules() {
    let arm = |id: &str, rest: &str| format!("{{ id = {id}, {rest} }},\n");
    let arms = [
        arm("\"a\"", "agent = \"nobody\", weight = -1"),
        arm("\"a\"", "agent = \"agent-0\", pin = \"V7\", weight = 0"),
        arm("3", "agent = \"agent-0\", pin = 3, weight = 0, name = 3"),
        arm("\"?2\"", "agent = \"else\", pin = 3"),
    ]
    .concat();
    let text = format!(
        "[[split]]\nid = \"s\"\nunit = {{ header = \"X Y\" }}\narms = [\n{arms}]\ncall_quota = 0\nsalt = 3\n"
    );
    route_file_tells(
        &text,
        &[
            "3:19 unit.header: is no header name",
            "5:21 split s: arms[0].agent: there is no agent nobody",
            "5:40 arms[0].weight: -1",
            "6:8 arms[1].id: is the id of an earlier arm",
            "6:38 split s: arms[1].pin: agent agent-0 has no V7",
            "7:8 arms[2].id: is of the type",
            "7:36 arms[2].pin: is of the type",
            "7:58 arms[2].name: is of the type",
            "8:1 arms[3].weight: is missing",
            "8:8 arms[3].id: \"?2\"",
            "8:22 split s: arms[3].agent: there is no agent else",
            "8:36 arms[3].pin: is of the type",
            "10:14 call_quota: is 0",
            "11:8 salt: is of the type",
        ],
    );
    let none =
        "[[split]]\nid = \"s\"\npaused = 1\narms = [{ id = \"a\", agent = \"agent-0\", weight = 0 }]\n";
    route_file_tells(none, &["3:10 paused: is of the type", "4:8 arms: all weights are 0"]);
    route_file_tells("[[split]]\nid = \"s\"\narms = 3\n", &["3:8 arms: is of the type integer"]);
}

#[test]
fn a_fault_of_form_of_a_caller_pin_hides_no_name() {
    let pin = |rest: &str| format!("[[caller_pin]]\ncaller = \"alice\"\n{rest}\n");
    route_file_tells(
        &pin("agent = \"nobody\"\npin = 5"),
        &["3:9 caller_pin: agent: there is no agent nobody", "4:7 pin: is of the type integer"],
    );
    route_file_tells(
        &pin("agent = \"agent-0\"\npin = \"V7\"\nuntil = 3"),
        &["4:7 caller_pin: pin: agent agent-0 has no V7", "5:9 until: is of the type"],
    );
}

#[test]
fn a_fault_of_form_hides_nothing_that_is_given_twice() {
    let twice = |n, bad: &str| {
        let number = number(0, &format!("agent = \"agent-0\"\n{bad}"));
        let pin = "[[caller_pin]]\npin = \"V1\"\nagent = \"agent-0\"\ncaller = \"alice\"\n";
        let prefix = "[[prefix]]\nagent = \"agent-0\"\nprefix = \"+1\"\n";
        format!(
            "{number}{pin}until = {n}\n{prefix}{bad}\n[default]\nagent = \"agent-0\"\n{bad}\n{}paused = {n}\n",
            splits(1).trim_end().to_owned() + "\n"
        )
    };
    let (a, b) = (twice("3", "pin = 5"), twice("3", "pin = 5"));
    let told = told(&with(agents(1), &[("routes/a.toml", &a), ("routes/b.toml", &b)]));
    let given: Vec<&str> = told.iter().map(String::as_str).filter(|told| told.contains("twice")).collect();
    assert_eq!(
        given,
        [
            "routes/b.toml:2:10 number: +14155550100 is given twice, first in routes/a.toml:2",
            "routes/b.toml:8:10 the pin of a caller of agent-0 is given twice, first in routes/a.toml:8",
            "routes/b.toml:12:10 prefix +1 is given twice, first in routes/a.toml:12",
            "routes/b.toml:14:1 the default route is given twice, first in routes/a.toml:14",
            "routes/b.toml:18:6 split split-0 is given twice, first in routes/a.toml:18",
        ],
        "{told:#?}"
    );
}

#[test]
fn no_fault_is_told_twice() {
    let rule = |rest: &str| format!("{{ header = \"X\", equals = \"x\"{rest} }}");
    let text = format!(
        "{}header_rules = [{}, {}]\n",
        number(0, "agent = \"nobody\""),
        rule(""),
        rule(", pin = \"V9\"")
    );
    route_file_tells(&text, &["3:9 number: agent: there is no agent nobody"]);
    let arm = "{ id = \"a\", agent = \"agent-0\", weight = 1 }";
    route_file_tells(
        &format!("[[split]]\nid = \"s\"\narms = [{arm}, {arm}]\n"),
        &["3:61 arms[1].id: is the id of an earlier arm"],
    );
    let bad = "headers = { Via = \"x\" }\nheader_rules = [{ header = \"X\", regex = \"(\" }]";
    route_file_tells(
        &number(0, &format!("agent = \"agent-0\"\n{bad}")),
        &["4:13 headers.Via: is reserved", "5:41 header_rules[0].regex: is no expression"],
    );
}
