//! Folders of agents.

use std::sync::Arc;

use super::*;
use crate::domain::id::{Environment, VersionNumber};

#[test]
fn a_folder_is_an_agent_with_its_versions_in_the_order_of_their_numbers() {
    let config = |text: &str| format!("name = \"Sales\"\ndescription = \"{text}\"\n");
    let files = [
        file("agents/sales/V10.toml", config("ten")),
        file("agents/sales/V2.toml", config("two")),
        file("agents/sales/draft.toml", config("draft")),
        file(
            "agents/sales/agent.toml",
            "name = \"Sales\"\nmax_calls_in_progress = 20\nfallback = \"+14155550100\"\nendpoints = [{ uri = \"sip:{agent}.v{version}@10.0.0.1:5060\" }]\n\
             [environments]\nlive = \"V2\"\npre-release = \"V10\"\n",
        ),
    ];
    let agents = read(&files).unwrap().agents();
    let [agent] = agents.as_slice() else { panic!("{agents:?}") };
    let agent = &agent.value;
    assert_eq!((agent.name.as_str(), agent.endpoints.len()), ("Sales", 1));
    let numbers: Vec<_> = agent.versions.iter().map(|version| version.value.0.get()).collect();
    assert_eq!(numbers, [2, 10]);
    let live = (Environment::Live, VersionNumber::new(2).unwrap());
    assert_eq!((agent.environments[0].value, agent.environments[0].at.line), (live, 6));
    let fallback = agent.fallback.as_ref().map(ToString::to_string);
    assert_eq!((agent.max_calls_in_progress, fallback.as_deref()), (Some(20), Some("+14155550100")));
    let draft = agent.draft.as_ref().unwrap();
    assert_eq!(draft.value.body.as_deref(), Some(br#"{"description":"draft","name":"Sales"}"#.as_slice()));
    let (first, second) = (&agent.versions[0].value.1, &agent.versions[1].value.1);
    assert!(first.hash != second.hash && Arc::ptr_eq(&first.dispatch, &second.dispatch));
    let summary = checked(&files).unwrap();
    assert_eq!((summary.agents, summary.versions, summary.numbers), (1, 2, 0));
}

#[test]
fn texts_of_configurations_are_let_go_once_they_are_stored() {
    let library = read(&agents(2)).unwrap().without_bodies();
    assert!(
        library.agents().iter().flat_map(|agent| &agent.value.versions).all(|v| v.value.1.body.is_none())
    );
}

#[test]
fn a_fault_of_a_folder_names_the_file() {
    let agent = "name = \"Sales\"\n";
    for (path, text, place, words) in [
        ("agents/sales/V0.toml", "", (0, 0), ["\"V0.toml\"", "V<n>.toml"]),
        ("agents/sales/v1.toml", "", (0, 0), ["\"v1.toml\"", "draft.toml"]),
        ("agents/sales/old/V1.toml", "", (0, 0), ["\"old/V1.toml\"", "agent.toml"]),
        ("agents/sa les/agent.toml", "", (0, 0), ["sa les", "letters, digits or hyphens"]),
        ("agents/agent.toml", "", (0, 0), ["no place here", "agents/<id>/agent.toml"]),
        ("other.toml", "", (0, 0), ["no place here", "routes/<name>.toml"]),
        ("agents/sales/V1.toml", "name = \"\"\nllm.temperature = 3\n", (1, 8), ["name", ""]),
        ("agents/sales/agent.toml", "nam = \"x\"\n", (1, 1), ["\"nam\"", "`name`"]),
        ("agents/sales/agent.toml", "name = \"\"\n", (1, 8), ["name: \"\"", "1 to 100 characters"]),
        ("agents/sales/agent.toml", "max_calls_in_progress = 0\n", (1, 25), ["0 is out of range", "from 1"]),
        ("agents/sales/agent.toml", "fallback = \"sip:\"\n", (1, 12), ["fallback", "URI"]),
        ("agents/sales/agent.toml", "account = 1\n", (1, 11), ["account", "an account's id"]),
        ("agents/sales/agent.toml", "[environments]\nlife = \"V1\"\n", (2, 1), ["\"life\"", "`live`"]),
        (
            "agents/sales/agent.toml",
            "[environments]\nlive = \"draft\"\n",
            (2, 8),
            ["environments.live", "V1, V2"],
        ),
        (
            "agents/sales/agent.toml",
            "endpoints = [\n  { uri = \"sip:a@b\" },\n  { uri = \"sip:a@b\", weight = 101 },\n]\n",
            (3, 31),
            ["endpoints[1].weight", "100"],
        ),
    ] {
        let mut files = vec![file(path, text)];
        if path != "agents/sales/agent.toml" {
            files.push(file("agents/sales/agent.toml", agent));
        }
        let faults = read(&files).unwrap_err();
        let fault = &faults[0];
        assert_eq!((fault.file.as_str(), (fault.line, fault.column)), (path, place), "{fault}");
        for word in words {
            assert!(fault.to_string().contains(word), "{fault} lacks {word}");
        }
    }
}

#[test]
fn a_folder_without_agent_toml_is_a_fault_even_when_it_was_taken_away() {
    let library = read(&agents(1)).unwrap();
    let faults = library.read(&[], &["agents/agent-0/agent.toml".into()]).unwrap_err();
    assert_eq!((faults.len(), faults[0].file.as_str()), (1, "agents/agent-0/agent.toml"));
    assert!(faults[0].message.contains("is missing"));
    let gone: Vec<Arc<str>> = agents(1).into_iter().map(|file| file.path).collect();
    assert!(library.read(&[], &gone).unwrap().is_empty());
}

#[test]
fn an_environment_needs_the_file_of_its_version() {
    let faults = checked(&[file("agents/a/agent.toml", "[environments]\nlive = \"V2\"\n")]).unwrap_err();
    assert_eq!((faults[0].line, faults[0].file.as_str()), (2, "agents/a/agent.toml"));
    assert!(faults[0].message.contains("agent a has no V2"));
}
