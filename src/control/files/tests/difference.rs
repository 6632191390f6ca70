//! Differences, step by step and all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// What a file gives: numbers (by their last digits) with where they lead.
type Routes = BTreeMap<u16, u8>;

fn lead(to: u8) -> String {
    match to % 6 {
        0 => "agent = \"agent-0\"".to_owned(),
        1 => "agent = \"agent-1\"\npin = \"V1\"".to_owned(),
        2 => "agent = \"agent-1\"\npin = \"live\"\nsite_variant = \"berlin\"".to_owned(),
        3 => "split = \"split-0\"".to_owned(),
        4 => "agent = \"agent-0\"\nheaders = { X-Brand = \"north\" }".to_owned(),
        _ => {
            "agent = 'agent-0'\nheader_rules = [{ header = \"X\", prefix = \"a\", pin = \"V1\" }]".to_owned()
        }
    }
}

fn text(routes: &Routes) -> String {
    let mut text = String::new();
    for (number, to) in routes {
        let number = if number % 7 == 0 { format!("user-{number}") } else { format!("+1415555{number:04}") };
        write!(text, "[[number]]\nnumber = \"{number}\"\n{}\n\n", lead(*to)).unwrap();
    }
    text
}

fn base() -> Library {
    let files: Vec<_> = agents(2).into_iter().chain([file("routes/0.toml", splits(1))]).collect();
    read(&files).unwrap()
}

fn some_files() -> impl Strategy<Value = BTreeMap<u8, Routes>> {
    // A number picks its file, so that no two files give the same.
    proptest::collection::btree_map(0..400u16, (1..4u8, 0..6u8), 0..60).prop_map(|numbers| {
        let mut files: BTreeMap<u8, Routes> = BTreeMap::new();
        for (number, (file, to)) in numbers {
            files.entry(file).or_default().insert(number, to);
        }
        files
    })
}

fn sources(files: &BTreeMap<u8, Routes>) -> BTreeMap<Arc<str>, SourceFile> {
    let file = |(name, routes): (&u8, &Routes)| file(&format!("routes/{name}.toml"), text(routes));
    files.iter().map(file).map(|file| (Arc::clone(&file.path), file)).collect()
}

proptest! {
    #[test]
    fn differences_step_by_step_give_the_same_numbers_as_the_last_files_at_once(
        steps in proptest::collection::vec(some_files(), 1..5)
    ) {
        let mut library = base();
        let mut state = state();
        apply(&mut state, &library, &Library::new(&account())).unwrap();
        let mut present = BTreeMap::new();
        for step in &steps {
            let next = sources(step);
            let changed: Vec<_> =
                next.values().filter(|file| present.get(&file.path) != Some(*file)).cloned().collect();
            let gone: Vec<Arc<str>> = present.keys().filter(|path| !next.contains_key(*path)).cloned().collect();
            let read = library.read(&changed, &gone).unwrap();
            apply(&mut state, &read, &library).unwrap();
            (library, present) = (read, next);
        }
        let mut fresh = super::state();
        apply(&mut fresh, &library, &Library::new(&account())).unwrap();
        prop_assert_eq!(numbers(&state), numbers(&fresh));
        let set = library.file_set(&Library::new(&account()), None);
        let whole: BTreeSet<_> = steps.last().unwrap().values().flat_map(BTreeMap::keys).collect();
        prop_assert_eq!(set.put.len(), whole.len());
        let again = library.file_set(&library, None);
        prop_assert!(again.put.is_empty() && again.released.is_empty());
        prop_assert_eq!(again.numbers_before, whole.len());
    }

    #[test]
    fn files_that_were_damaged_anywhere_are_in_force_whole_or_change_nothing(
        files in some_files(), damaged in 1..4u8, at in any::<prop::sample::Index>(), cut in 0..40usize, put in ".{0,3}",
    ) {
        let mut state = state();
        let before = base().read(&sources(&files).into_values().collect::<Vec<_>>(), &[]).unwrap();
        apply(&mut state, &before, &Library::new(&account())).unwrap();
        let (hash, present) = (before.hash(), numbers(&state));
        let mut bytes = text(&files.get(&damaged).cloned().unwrap_or_default()).into_bytes();
        let from = at.index(bytes.len() + 1);
        bytes.splice(from..bytes.len().min(from + cut), put.into_bytes());
        // Another file changes beside it, and is as good as can be.
        let good = file("routes/9.toml", "[[number]]\nnumber = \"+14155559999\"\nagent = \"agent-0\"\n");
        let changed = [file(&format!("routes/{damaged}.toml"), bytes), good];
        let taken = before.read(&changed, &[]).ok().filter(|next| apply(&mut state, next, &before).is_ok());
        match taken {
            Some(next) => {
                let mut fresh = super::state();
                apply(&mut fresh, &next, &Library::new(&account())).unwrap();
                prop_assert_eq!(numbers(&state), numbers(&fresh));
                prop_assert!(numbers(&state).iter().any(|number| number.starts_with("+14155559999 ")));
            }
            None => prop_assert_eq!((before.hash(), numbers(&state)), (hash, present)),
        }
    }

    #[test]
    fn a_number_that_another_file_gives_is_refused_whichever_of_them_changed(
        files in some_files(), number in 0..400u16, at in 1..4u8
    ) {
        let before = base().read(&sources(&files).into_values().collect::<Vec<_>>(), &[]).unwrap();
        let owner = files.iter().find(|(_, routes)| routes.contains_key(&number)).map(|(file, _)| *file);
        let mut after = files.clone();
        after.entry(at).or_default().insert(number, 0);
        let changed = file(&format!("routes/{at}.toml"), text(&after[&at]));
        let set = before.read(&[changed], &[]).unwrap().file_set(&before, None);
        prop_assert_eq!(!set.reading.faults.is_empty(), owner.is_some_and(|owner| owner != at), "{:?}", set);
    }
}

#[test]
fn a_number_that_moves_between_files_is_never_released_and_put_only_with_another_route() {
    let routes = |numbers: &[(u16, u8)]| text(&numbers.iter().copied().collect());
    let before = base()
        .read(&[file("routes/a.toml", routes(&[(1, 0), (2, 0), (3, 0)])), file("routes/b.toml", "")], &[])
        .unwrap();
    let after = before
        .read(
            &[file("routes/a.toml", routes(&[(3, 0)])), file("routes/b.toml", routes(&[(1, 0), (2, 1)]))],
            &[],
        )
        .unwrap();
    let set = after.file_set(&before, None);
    let put: Vec<_> = set.put.iter().map(|put| put.number.to_string()).collect();
    assert_eq!((put, set.released.len(), set.numbers_before), (vec!["+14155550002".to_owned()], 0, 3));
    let set = before.read(&[], &["routes/a.toml".into()]).unwrap().file_set(&before, None);
    assert_eq!((set.put.len(), set.released.len()), (0, 3));
}

#[test]
fn a_faulty_file_changes_nothing_and_the_same_content_again_makes_no_difference() {
    let mut state = state();
    let library = base();
    apply(&mut state, &library, &Library::new(&account())).unwrap();
    let (hash, count) = (library.hash(), library.len());
    let good = file("routes/b.toml", text(&[(1, 0)].into_iter().collect()));
    let faulty = file("routes/c.toml", "[[number]]\n");
    assert!(library.read(&[good.clone(), faulty], &["routes/0.toml".into()]).is_err());
    assert_eq!((library.hash(), library.len()), (hash, count));
    let next = library.read(std::slice::from_ref(&good), &[]).unwrap();
    assert!(apply(&mut state, &next, &library).unwrap() > 0);
    let again = next.read(&[good], &[]).unwrap();
    assert_eq!(apply(&mut state, &again, &next), Ok(0));
}

#[test]
fn the_account_of_a_file_is_the_first_one_unless_it_says_otherwise() {
    let number = |n| format!("[[number]]\nnumber = \"+1415555010{n}\"\nagent = \"a\"\n");
    let files = [
        file("agents/a/agent.toml", "account = \"ws-2\"\n"),
        file("agents/a/V1.toml", "name = \"A\"\n"),
        file("routes/a.toml", format!("account = \"ws-2\"\n{}{}{}", number(0), number(1), splits(1))),
        file("routes/b.toml", splits(1)),
    ];
    let set = read(&files).unwrap().file_set(&Library::new(&account()), None);
    assert_eq!(set.agents[0].value.id.to_string(), "ws-2/a");
    assert!(set.routes.iter().all(|route| route.value.account.as_str() == "ws-2"));
    let accounts: Vec<_> = set.splits.iter().map(|split| split.value.id.account.to_string()).collect();
    assert_eq!(accounts, ["ws-2", "ws-1"]);
}

#[test]
fn files_that_are_read_together_share_the_routes_of_their_account() {
    let number =
        |n: u16| format!("[[number]]\nnumber = \"+1415555{n:04}\"\nagent = \"agent-0\"\npin = \"V1\"\n");
    let two = |n| number(n) + &number(n + 1);
    let files = [
        file("routes/a.toml", two(1)),
        file("routes/b.toml", two(3)),
        file("routes/c.toml", format!("account = \"ws-2\"\n\n{}", two(5))),
    ];
    let library = Library::new(&account()).read(&files, &[]).unwrap();
    let routes: Vec<_> = library.routes().flat_map(|(_, file)| &file.routes).map(|at| &at.value).collect();
    let [a, b, c] = routes[..] else { panic!("a route each") };
    assert!(Arc::ptr_eq(a, b));
    assert_eq!((a.account.as_str(), c.account.as_str()), ("ws-1", "ws-2"));
    assert_eq!(library.file_set(&Library::new(&account()), None).routes.len(), 2);
}
