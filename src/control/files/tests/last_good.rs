//! Copies of what was applied.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::super::{LastGood, LastGoodError};
use super::*;

#[test]
fn what_was_kept_comes_back_and_what_belongs_to_others_goes() {
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path().join("last-good"));
    let mut files = agents(3);
    files.push(file("routes/a.toml", splits(1)));
    let first = read(&files).unwrap();
    last_good.save(&first, &files).unwrap();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(last_good.load(first.hash()).unwrap(), files);

    let edited = file("routes/a.toml", splits(2));
    let second = first.read(std::slice::from_ref(&edited), &[]).unwrap();
    last_good.save(&second, std::slice::from_ref(&edited)).unwrap();
    assert!(last_good.load(first.hash()).is_ok(), "kept until the other one is in force");
    last_good.forget_others(second.hash()).unwrap();
    assert!(matches!(last_good.load(first.hash()), Err(LastGoodError::Missing { .. })));
    assert!(last_good.load(second.hash()).unwrap().contains(&edited));
    let contents: BTreeSet<_> = second.hashes().map(|(_, hash)| hash).collect();
    assert_eq!(fs::read_dir(folder.path().join("last-good")).unwrap().count(), contents.len() + 1);
}

#[test]
fn a_damaged_or_missing_piece_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path().to_owned());
    let files = [file("routes/a.toml", "# a\n")];
    let library = read(&files).unwrap();
    last_good.save(&library, &files).unwrap();
    let copy = folder.path().join(format!("{}.toml", files[0].hash));
    fs::write(&copy, "# b\n").unwrap();
    let why = last_good.load(library.hash()).unwrap_err();
    assert!(
        matches!(why, LastGoodError::Damaged { .. }) && why.to_string().contains("routes/a.toml"),
        "{why}"
    );
    fs::remove_file(&copy).unwrap();
    let why = last_good.load(library.hash()).unwrap_err();
    assert!(
        matches!(why, LastGoodError::Missing { .. }) && why.to_string().contains("routes/a.toml"),
        "{why}"
    );
    let why = last_good.holds(&library, &BTreeSet::new()).unwrap_err();
    assert!(matches!(why, LastGoodError::Missing { .. }), "{why}");
    fs::write(&copy, "# longer\n").unwrap();
    let why = last_good.holds(&library, &BTreeSet::new()).unwrap_err();
    assert!(matches!(why, LastGoodError::Damaged { .. }), "{why}");
    last_good.holds(&library, &BTreeSet::from(["routes/a.toml"])).unwrap();
    fs::write(folder.path().join(format!("{}.json", library.hash())), "{\"format\":1,\"files\":[]}").unwrap();
    assert!(matches!(last_good.load(library.hash()), Err(LastGoodError::Damaged { .. })));
}

#[test]
fn copies_are_for_their_owner_only() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("last-good");
    // An earlier release left it open.
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let files = [file("routes/a.toml", "# a\n")];
    LastGood::new(folder.clone()).save(&read(&files).unwrap(), &files).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for copy in fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&copy.unwrap().path()), 0o600);
    }
}

#[test]
fn a_copy_that_is_right_is_not_written_again_and_a_damaged_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path().to_owned());
    let files = [file("routes/a.toml", "# a\n"), file("routes/b.toml", "# b\n")];
    let library = read(&files).unwrap();
    last_good.save(&library, &files).unwrap();
    let [a, b] = files.each_ref().map(|file| folder.path().join(format!("{}.toml", file.hash)));
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let before = inode(&a);
    fs::write(&b, "cut off").unwrap();
    assert!(last_good.check(library.hash()).is_err());
    last_good.save(&library, &files).unwrap();
    last_good.check(library.hash()).unwrap();
    assert_eq!(inode(&a), before);
}
