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
            "routes/a.toml:6:10 number: agent: there is no agent nobody",
            "routes/a.toml:9:10 number: pin: agent agent-0 has no V7",
            "routes/a.toml:13:10 number: split: there is no split none",
            "routes/a.toml:18:1 split s: arms[0].agent: there is no agent nobody",
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
            "routes/a.toml:5:10 number: agent: there is no agent b",
            "routes/b.toml:2:10 prefix +1 is given twice",
            "routes/b.toml:4:1 the default route is given twice",
            "routes/b.toml:6:1 split split-0 is given twice",
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
            "routes/a.toml:10:10 number: agent: there is no agent nobody",
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
            "routes/a.toml:6:10 number: pin: agent sales has no V8",
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
            "routes/a.toml:9:10 number: split: there is no split none",
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
        "routes/a.toml:10:10 number: agent: there is no agent nobody",
        "routes/a.toml:14:10 number: split: there is no split none",
        "routes/a.toml:18:",
        "routes/a.toml:19:1 default: agent: there is no agent nobody",
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
    let mut state = state();
    let a = number(0, "agent = \"agent-0\"").replace("+1", "1");
    let library = read(&with(agents(1), &[("routes/a.toml", &a)])).unwrap();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let next = library.read(&[file("routes/b.toml", number(1, "agent = \"agent-0\""))], &[]).unwrap();
    let set = next.file_set(&library, None);
    let command = Command {
        account: account(),
        author: Author::Files,
        at: Timestamp(1),
        action: Action::ApplyFiles(set.into()),
    };
    let warnings = state.weigh(&command).unwrap().warnings;
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("routes/a.toml:2: 14155550100 looks"),
        "{warnings:?}"
    );
    let many: String = (10..60)
        .map(|n| number(0, "agent = \"agent-0\"").replace("+14155550100", &format!("141555501{n}")))
        .collect();
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
