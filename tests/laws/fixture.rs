//! The folder of any size that measurements run on is what it says: by another parser and a formula of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::world::World;

#[path = "../../benches/kit/folder.rs"]
mod folder;

/// One file of numbers and the beginning of another.
const NUMBERS: u64 = 10_010;
const IN_FIRST_FILE: u64 = 10_000;

fn parsed(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    text.parse().unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The tables of a file that holds nothing else.
fn tables(path: &Path, name: &str) -> Vec<Value> {
    let mut file = parsed(path);
    let list = file.remove(name).unwrap_or_else(|| panic!("{} has no {name}", path.display()));
    assert!(file.is_empty(), "{} holds more: {file}", path.display());
    list.as_array().unwrap().clone()
}

fn table<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Table(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn number(i: u64) -> Value {
    let dialled = Value::from(format!("+{}", 14_000_000_000 + i * 7));
    let k = i % 1_000;
    if i.is_multiple_of(10) {
        return table([("number", dialled), ("split", format!("split-{k}").into())]);
    }
    let pin = format!("V{}", 1 + i % 9);
    table([("number", dialled), ("agent", format!("agent-{k}").into()), ("pin", pin.into())])
}

fn split(k: u64) -> Value {
    let arms = [("a", "V1", 50), ("b", "V2", 25), ("c", "V3", 25)].map(|(id, pin, weight)| {
        let agent = format!("agent-{k}");
        table([("id", id.into()), ("agent", agent.into()), ("pin", pin.into()), ("weight", weight.into())])
    });
    table([("id", format!("split-{k}").into()), ("arms", Value::Array(arms.into()))])
}

#[test]
fn the_folder_of_measurements_is_as_its_formula_says_and_without_fault() {
    let world = World::bare();
    let config = world.config();
    folder::write(NUMBERS, &config).unwrap();
    assert_eq!(names(&config), ["agents", "cordboard.toml", "routes"].map(str::to_owned).into());
    assert!(parsed(&config.join("cordboard.toml")).is_empty(), "every setting is at its default");

    let agents = config.join("agents");
    assert_eq!(names(&agents), (0..1_000).map(|k| format!("agent-{k}")).collect());
    let versions = || (1..=10).map(|version| format!("V{version}.toml"));
    for k in 0..1_000 {
        let agent = agents.join(format!("agent-{k}"));
        assert_eq!(names(&agent), versions().chain(["agent.toml".to_owned()]).collect());
        let endpoint = table([("uri", "sip:{agent}.v{version}@127.0.0.1:5060".into())]);
        assert_eq!(parsed(&agent.join("agent.toml"))["endpoints"], Value::Array(vec![endpoint]));
        let contents: BTreeSet<String> =
            versions().map(|version| parsed(&agent.join(version)).to_string()).collect();
        assert_eq!(contents.len(), 10, "the versions of agent-{k} differ");
    }

    let routes = config.join("routes");
    let files = ["numbers-00000.toml", "numbers-00001.toml", "splits.toml"];
    assert_eq!(names(&routes), files.map(str::to_owned).into());
    assert_eq!(tables(&routes.join(files[0]), "number"), (0..IN_FIRST_FILE).map(number).collect::<Vec<_>>());
    let rest: Vec<_> = (IN_FIRST_FILE..NUMBERS).map(number).collect();
    assert_eq!(tables(&routes.join(files[1]), "number"), rest);
    assert_eq!(
        tables(&routes.join(files[2]), "split"),
        (0..100).map(|nth| split(nth * 10)).collect::<Vec<_>>()
    );

    let check = world.run(&["check", "config"]);
    assert_eq!((check.code(), &*check.err), (0, ""), "{}", check.out);
    for words in ["10010 numbers", "1000 agents", "100 splits"] {
        assert!(check.out.contains(words), "{words} is not in {}", check.out);
    }
}
