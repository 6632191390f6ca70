//! `status` and `reload`: how the router and its files are.

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::live::Assent;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::{Look, labelled};
use super::words::{clean, items, text_in, text_of, time, words};
use crate::domain::fault::Fault;
use crate::domain::id::ConfigHash;

/// Show how the router is: files, store, listeners
///
/// Faults of the files are shown with their places. Where a set of files is held, since taking it would remove an
/// agent or many numbers, the fingerprint to accept it by is shown.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard status
  cordboard status --url http://10.0.0.5:8701 --json")]
pub struct StatusArgs {}

impl Errand for StatusArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let reply = session.get(&Path::of("/v1/status"))?;
        session.show(&reply, told)
    }
}

/// Read the route and agent files again now
///
/// Files are watched, and read once they have been still for a moment: this is for whoever cannot wait, and for taking
/// a set of files that is held. All files are taken, or, if there is a fault in any, none.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard reload
  cordboard reload --accept 00112233445566778899aabbccddeeff --yes")]
pub struct ReloadArgs {
    /// Take the set of files of this fingerprint although it removes an agent or many numbers
    #[arg(long, value_name = "HASH", value_parser = hash)]
    accept: Option<ConfigHash>,
    #[command(flatten)]
    assent: Assent,
}

fn hash(text: &str) -> Result<ConfigHash, &'static str> {
    ConfigHash::parse(text)
        .ok_or("expected 32 lower-case hexadecimal digits, as `cordboard status` shows them")
}

impl Errand for ReloadArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if let Some(hash) = self.accept.filter(|_| !self.assent.yes) {
            // Before anybody is asked to agree to it; with --yes the router says the same.
            is_held(session, hash)?;
            // Which numbers go only the router knows; that they are many is why it holds the set.
            self.assent
                .obtain(session, &format!("taking the files {hash}, which remove much,"), |_| Ok(true))?;
        }
        let body = self.accept.map_or_else(|| json!({}), |hash| json!({"accept": hash}));
        let reply = session.change("POST", &Path::of("/v1/reload"), Some(&body))?;
        session.done(&reply, "the files are in force")
    }
}

/// Whether a set of files is held, or in force already; another cannot be accepted.
fn is_held(session: &Session<'_, '_>, hash: ConfigHash) -> Result<(), Failure> {
    let status = session.get(&Path::of("/v1/status"))?.json();
    let Some(reload) = status.get("reload") else { return Ok(()) };
    let (held, hash) = (text_in(reload, "held"), hash.to_string());
    if held == Some(&hash) || text_in(reload, "hash") == Some(&hash) {
        return Ok(());
    }
    let why = match held {
        Some(held) => format!("the files that are held have the fingerprint {}", clean(held)),
        None => "no files are held".to_owned(),
    };
    Err(Failure::Usage(format!("--accept {hash}: {why}")))
}

fn told(status: &Value, look: Look) -> String {
    let mut lines = vec![("Revision", text_of(status, "revision"))];
    let faults = items(status, "faults");
    let held = status.get("reload").and_then(|reload| text_in(reload, "held"));
    if let Some(reload) = status.get("reload").filter(|reload| reload.is_object()) {
        lines.push(("Files", told_files(reload, faults, look)));
        if let Some(held) = held {
            // How to take it stands in its fault.
            lines.push(("Held", look.yellow(clean(held))));
        }
    }
    for (label, member) in
        [("Listeners", "listeners"), ("Numbers", "numbers"), ("Calls in progress", "callsInProgress")]
    {
        if status.get(member).is_some_and(|value| !value.is_null()) {
            lines.push((label, text_of(status, member)));
        }
    }
    let targets = status.get("targets").unwrap_or(&Value::Null);
    if targets.is_object() {
        lines.push(("Targets", told_targets(targets, look)));
    }
    if let Some(store) = status.get("store").filter(|store| store.is_object()) {
        lines.push(("Store", told_store(store, look)));
    }
    if let Some(error) = status.get("tokenKeys").and_then(|keys| text_in(keys, "error")) {
        lines.push(("Token keys", told_token_keys(error, look)));
    }
    let certificates = status.get("certificates").and_then(Value::as_object);
    for (listener, certificate) in certificates.into_iter().flatten().filter(|(_, it)| it.is_object()) {
        lines.push(("Certificate", told_certificate(listener, certificate, look)));
    }
    for (condition, reason) in status.get("unready").and_then(Value::as_object).into_iter().flatten() {
        let reason = reason.as_str().unwrap_or_default();
        lines.push(("Unready", look.red(format_args!("{}: {}", clean(condition), clean(reason)))));
    }
    if status.get("draining").and_then(Value::as_bool) == Some(true) {
        lines.push(("Draining", look.yellow("it is about to stop; calls are answered until no more come")));
    }
    let mut told = labelled(look, lines);
    let troubles = items(targets, "troubles");
    if !troubles.is_empty() {
        told += &format!("\n{}\n", look.bold("Targets down"));
        told.extend(troubles.iter().map(|trouble| format!("  {}\n", told_trouble(trouble, look))));
    }
    let warnings = status.get("reload").map(|reload| items(reload, "warnings")).unwrap_or_default();
    if !warnings.is_empty() {
        told += &format!("\n{}\n", look.bold("Warnings"));
        told.extend(warnings.iter().map(|warning| format!("  {}\n", words(warning))));
    }
    if !faults.is_empty() {
        told += &format!("\n{}\n", look.bold("Faults"));
        told.extend(faults.iter().map(|fault| format!("  {}\n", told_fault(fault))));
    }
    told
}

fn told_files(reload: &Value, faults: &[Value], look: Look) -> String {
    let at = match text_in(reload, "at") {
        Some(_) => format!(", read {}", time(reload, "at")),
        None => String::new(),
    };
    let ok = reload.get("ok").and_then(Value::as_bool).unwrap_or(faults.is_empty());
    if ok {
        let hash = text_in(reload, "hash").map(|hash| format!(" ({})", clean(hash))).unwrap_or_default();
        format!("{}{at}{hash}", look.green("in force"))
    } else {
        format!("{}{at}; the last good ones are in force", look.red("not taken"))
    }
}

fn told_targets(targets: &Value, look: Look) -> String {
    let count = |state| targets.get(state).and_then(Value::as_u64).unwrap_or_default();
    let down = match count("down") {
        0 => "0 down".to_owned(),
        down => look.red(format_args!("{down} down")),
    };
    let up = format!("{} up, {down}", count("up"));
    match count("unknown") {
        0 => up,
        unknown => format!("{up}, {unknown} not probed"),
    }
}

/// A target that is down, as status has it, or as `explain` does.
pub(super) fn told_trouble(trouble: &Value, look: Look) -> String {
    let target = if text_in(trouble, "target").is_some() { "target" } else { "uri" };
    let (target, since) = (text_of(trouble, target), time(trouble, "since"));
    format!("{} since {since}: {}", look.red(target), text_of(trouble, "cause"))
}

fn told_store(store: &Value, look: Look) -> String {
    match text_in(store, "error") {
        Some(error) => look.red(format_args!("cannot keep changes: {}", clean(error))),
        None => look.green("keeps changes"),
    }
}

fn told_token_keys(error: &str, look: Look) -> String {
    let error = look.red(clean(error));
    format!("{error}; those that were read before go on, put the file back before the next start")
}

fn told_certificate(listener: &str, certificate: &Value, look: Look) -> String {
    let (listener, until) = (clean(listener), time(certificate, "notAfter"));
    let told = match text_in(certificate, "state") {
        Some("expired") => {
            let expired = look.red(format_args!("expired at {until}: clients refuse it"));
            format!("{listener} {expired}")
        }
        Some("not-yet-valid") => {
            let from = time(certificate, "notBefore");
            let early = look.red(format_args!("not valid before {from}: clients refuse it"));
            format!("{listener} {early}, until {until}")
        }
        _ => format!("{listener} until {until}"),
    };
    match text_in(certificate, "error") {
        Some(error) => {
            format!("{told}; {}", look.red(format_args!("its files are not taken: {}", clean(error))))
        }
        None => told,
    }
}

fn told_fault(fault: &Value) -> String {
    match serde_json::from_value::<Fault>(fault.clone()) {
        Ok(fault) => clean(&fault.to_string()),
        Err(_) => text_of(fault, "message"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_every_fault_with_its_place() {
        let status = json!({
            "revision": 12, "draining": false, "store": {"ok": true, "error": null}, "numbers": 7, "callsInProgress": 2,
            "reload": {"at": "2026-01-01T00:00:00.000Z", "ok": false, "hash": "aa", "held": "bb",
                       "warnings": ["agent sales at V1 has no file"]},
            "unready": {"control": "no change can be made any more"},
            "faults": [{"file": "routes/a.toml", "line": 3, "column": 7, "message": "pin is unknown", "expected": "draft"}],
            "listeners": {"calls": "127.0.0.1:8700", "admin": "127.0.0.1:8701"},
            "targets": {"up": 3, "down": 1, "unknown": 2, "troubles": [
                {"target": "sip:10.0.0.1:5060", "since": "2026-01-01T00:00:00.000Z", "cause": "no answer in time"}
            ]},
            "tokenKeys": {"ok": false, "error": "token.key cannot be read"},
            "certificates": {"calls": null, "admin": {"notAfter": "2027-01-01T00:00:00.000Z", "error": "no key"}}
        });
        assert_eq!(
            told(&status, Look::default()),
            "\
Revision           12
Files              not taken, read 2026-01-01T00:00:00Z; the last good ones are in force
Held               bb
Listeners          admin 127.0.0.1:8701, calls 127.0.0.1:8700
Numbers            7
Calls in progress  2
Targets            3 up, 1 down, 2 not probed
Store              keeps changes
Token keys         token.key cannot be read; those that were read before go on, put the file back before the next start
Certificate        admin until 2027-01-01T00:00:00Z; its files are not taken: no key
Unready            control: no change can be made any more

Targets down
  sip:10.0.0.1:5060 since 2026-01-01T00:00:00Z: no answer in time

Warnings
  agent sales at V1 has no file

Faults
  routes/a.toml:3:7: pin is unknown (expected draft)
"
        );
        assert_eq!(told(&json!({}), Look::default()), "Revision  -\n");
    }

    #[test]
    fn a_certificate_that_is_not_valid_is_told_so() {
        let told = |state: &str| {
            let certificate = json!({"notBefore": "2026-01-01T00:00:00.000Z", "notAfter": "2027-01-01T00:00:00.000Z",
                                     "state": state, "error": null});
            told_certificate("admin", &certificate, Look::default())
        };
        assert_eq!(told("valid"), "admin until 2027-01-01T00:00:00Z");
        assert_eq!(told("expired"), "admin expired at 2027-01-01T00:00:00Z: clients refuse it");
        assert_eq!(
            told("not-yet-valid"),
            "admin not valid before 2026-01-01T00:00:00Z: clients refuse it, until 2027-01-01T00:00:00Z"
        );
    }
}
