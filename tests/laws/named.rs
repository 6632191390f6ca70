//! What `tests/README.md` says is covered is covered by laws that there are.

use std::fs;
use std::path::Path;

#[test]
fn every_law_that_the_table_names_is_there() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let table = fs::read_to_string(tests.join("README.md")).unwrap();
    let named = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut found = 0;
    for (file, law) in named.filter_map(|name| name.split_once("::")).filter(|(_, law)| law.contains('_')) {
        let text = fs::read_to_string(tests.join(format!("laws/{file}.rs"))).unwrap_or_default();
        assert!(text.contains(&format!("#[test]\nfn {law}()")), "there is no law {file}::{law}");
        found += 1;
    }
    assert!(found > 20, "only {found}");
}
