use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(name)
}

/// The names in a folder, without what comes behind a dot.
fn names(folder: &Path) -> BTreeSet<String> {
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path().file_stem()?.to_str().map(str::to_owned);
    fs::read_dir(folder).unwrap().filter_map(name).collect()
}

#[test]
fn the_laws_hold_of_everything_in_the_corpus() {
    let mut broken = Vec::new();
    for (target, law) in LAWS {
        let law = law();
        let mut inputs: Vec<_> =
            fs::read_dir(folder("corpus").join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "nothing is tried of {target}");
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| law(&bytes)));
            if held.is_err() {
                broken.push(input.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "laws are broken by {broken:#?}");
}

#[test]
fn every_law_has_a_target_and_a_corpus() {
    let laws: BTreeSet<String> = LAWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), laws);
    assert_eq!(names(&folder("corpus")), laws);
    let built = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in &laws {
        assert!(built.contains(&format!("name = \"{name}\"")), "nobody builds {name}");
    }
}
