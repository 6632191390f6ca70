//! The grammar itself.

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::world::{Flags, words};
use crate::cli::{Cli, Command};

fn parse(line: &str) -> Result<Command<Flags>, clap::Error> {
    Cli::<Flags>::try_parse_from(words(line)).map(Cli::into_command)
}

/// Every command with its path of names.
fn walk(command: &clap::Command, at: &str, visit: &mut dyn FnMut(&str, &clap::Command)) {
    visit(at, command);
    for sub in command.get_subcommands() {
        walk(sub, &format!("{at} {}", sub.get_name()), visit);
    }
}

#[test]
fn the_grammar_is_sound() {
    Cli::<Flags>::command().debug_assert();
}

#[test]
fn whoever_says_get_for_show_or_show_for_get_is_understood() {
    let mut pairs = 0;
    walk(&Cli::<Flags>::command(), "cordboard", &mut |at, command| {
        let found = ["get", "show"].map(|name| command.find_subcommand(name).map(clap::Command::get_name));
        assert_eq!(found[0], found[1], "{at}");
        pairs += usize::from(found[0].is_some());
    });
    assert!(pairs >= 7, "{pairs}");
}

#[test]
fn every_example_in_the_help_parses_and_every_command_has_one() {
    let mut examples = 0;
    walk(&Cli::<Flags>::command(), "cordboard", &mut |at, command| {
        let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        for example in lines.iter().filter(|line| line.starts_with("cordboard ")) {
            let line = example.split(" >").next().unwrap_or_default();
            // What a command is about may stand before its own name: `draft sales set`.
            let said: Vec<_> = words(line);
            let mut said = said.iter();
            let named = at.split(' ').all(|name| said.any(|word| word == name));
            assert!(named, "{example} is an example of {at}");
            if let Err(why) = parse(line) {
                panic!("{example}: {why}");
            }
            examples += 1;
        }
        assert!(command.has_subcommands() || !lines.is_empty(), "{at} has no example");
    });
    assert!(examples > 40, "{examples}");
}

#[test]
fn no_help_shows_how_its_quotes_are_written_in_the_program() {
    walk(&Cli::<Flags>::command(), "cordboard", &mut |at, command| {
        let help = command.clone().render_long_help().to_string();
        assert!(!help.contains("\\\""), "{at}: {help}");
    });
}

#[test]
fn every_command_and_argument_says_what_it_is() {
    let mut seen = BTreeSet::new();
    walk(&Cli::<Flags>::command(), "cordboard", &mut |at, command| {
        let about = command.get_about().unwrap_or_else(|| panic!("{at} says nothing")).to_string();
        assert!(!about.ends_with('.'), "{at}: {about}");
        let group = at.rsplit_once(' ').map_or("", |(group, _)| group);
        assert!(seen.insert(format!("{group}: {about}")), "{at} says what another command says: {about}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{at}: {} says nothing", argument.get_id());
        }
    });
}

#[test]
fn nothing_said_means_serve() {
    assert!(matches!(parse("cordboard"), Ok(Command::Serve(_))));
    let Ok(Command::Serve(flags)) = parse("cordboard --config here") else { panic!("expected serve") };
    assert_eq!(flags.config.as_deref(), Some("here"));
    assert!(parse("cordboard --config here status").is_err());
}

#[test]
fn what_cannot_be_meant_is_a_fault_of_usage() {
    for line in [
        "cordboard nonsense",
        "cordboard numbers",
        "cordboard numbers put +14155550100",
        "cordboard numbers put +1415 --agent sales",
        "cordboard numbers put +14155550100 --agent sales --split spring",
        "cordboard numbers put +14155550100 --split spring --pin V3",
        "cordboard numbers put +14155550100 --agent sales --pin production",
        "cordboard pin +14155550100 sales",
        "cordboard numbers put +14155550100 --agent sales --fallback 'front desk'",
        "cordboard numbers put +14155550100 --agent sales --fallback sip:{caller}@h",
        "cordboard prefixes put 1415 --agent sales",
        "cordboard splits change spring --max-calls test=0",
        "cordboard splits create spring",
        "cordboard splits create spring --arm control=sales@V3",
        "cordboard splits change spring",
        "cordboard splits change spring --yes",
        "cordboard splits create spring --arm a=b@V1:1 --unit header:",
        "cordboard splits create spring --arm a=b@V1:1 --starts-at tomorrow",
        "cordboard reload --accept abc",
        "cordboard history --limit 0",
        "cordboard versions",
        "cordboard versions show sales live",
        "cordboard versions save sales",
        "cordboard draft",
        "cordboard draft sales set llm.temperature",
        "cordboard publish",
        "cordboard publish sales --to production",
        "cordboard publish sales --active-calls drop",
        "cordboard promote sales --from V3",
        "cordboard rollback sales production",
        "cordboard rollback sales --to live",
        "cordboard agents create",
        "cordboard agents create Desk --id 'front desk'",
        "cordboard agents endpoints desk nowhere",
        "cordboard agents endpoints desk --environment production",
        "cordboard agents fallback desk 'front desk'",
        "cordboard agents fallback desk --max-calls 0",
        "cordboard configs",
        "cordboard configs show desk",
        "cordboard configs show desk production",
        "cordboard configs set desk live",
        "cordboard configs set desk live tier",
        "cordboard configs schema desk live",
        "cordboard branches",
        "cordboard branches create desk",
        "cordboard branches delete desk",
        "cordboard branches merge desk",
        "cordboard branches merge desk BRANCH-0A1B2C3D --ours --theirs",
        "cordboard branches merge desk BRANCH-0A1B2C3D --resolve name=mine",
        "cordboard connectors",
        "cordboard connectors show desk",
        "cordboard connectors set desk C-1",
        "cordboard connectors set desk C-1 --asr-language e_n",
        "cordboard connectors import desk",
        "cordboard connectors import desk +1415",
        "cordboard connectors import desk +14155550100 --to V3",
        "cordboard accounts set ws-00000001",
        "cordboard api POST /v1/x --idempotency-key 'a b'",
        "cordboard api OPTIONS /v1/status",
        "cordboard api GET v1/status",
        "cordboard api GET '/v1/a b'",
        "cordboard completions tcsh",
    ] {
        let why = parse(line).map(|_| ()).expect_err(line);
        assert_eq!(why.exit_code(), 2, "{line}");
    }
}

#[test]
fn an_option_before_the_command_is_told_its_place() {
    let told = |line: &str| Cli::<Flags>::read(words(line)).map(|_| ()).expect_err(line).to_string();
    for command in ["status", "explain +14155550100", "splits list"] {
        let name = command.split(' ').next().unwrap_or_default();
        let why = told(&format!("cordboard --data x {command}"));
        let tip = format!("options stand behind the command: 'cordboard {name} --data <FOLDER>'");
        assert!(why.contains(&tip), "{why}");
    }
    // The data of `api` are a body.
    for line in ["cordboard --data x check config", "cordboard --data x api GET /v1/status"] {
        let why = told(line);
        assert!(
            why.contains("before a command stand options of 'serve' alone, which '--data <FOLDER>' is"),
            "{why}"
        );
    }
}

#[test]
fn whoever_names_nothing_that_serves_is_told_of_both_ways() {
    let why = parse("cordboard numbers put +14155550100").map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("--agent <AGENT>|--split <SPLIT>"), "{why}");
}

#[test]
fn a_key_is_never_shown() {
    let command = parse("cordboard status --key top-secret").unwrap();
    assert!(!format!("{command:?}").contains("top-secret"));
}

#[test]
fn help_is_no_failure() {
    for line in ["cordboard splits create --help", "cordboard help", "cordboard help splits create"] {
        let why = parse(line).map(|_| ()).unwrap_err();
        assert_eq!((why.kind(), why.exit_code()), (ErrorKind::DisplayHelp, 0), "{line}");
    }
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome =
            super::world::run_with(&format!("cordboard completions {shell}"), None, &Default::default());
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{shell}");
        assert!(outcome.out.contains("default-route") && outcome.out.contains("serve"), "{shell}");
    }
}
