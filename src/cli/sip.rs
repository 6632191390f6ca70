//! `sip`: what comes by SIP, as it comes.

use std::io::{BufRead, Read as _};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::table::Look;
use super::words::{clean, clean_lines, text_in, text_of};
use crate::domain::sip::SoughtNumber;

/// Longest line that is read, in bytes: two messages, each of their characters written as six.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// What stands for the trunk of an address that is on no trunk's list.
const STRANGER: &str = "no trunk";

/// Look at what comes by SIP
#[derive(Debug, Clone, Args)]
pub struct SipArgs {
    #[command(subcommand)]
    command: SipCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum SipCommand {
    /// Show messages and what is answered to them, as they come, until Ctrl-C
    ///
    /// Those of the account's trunks, and with a key of the first account those of addresses on no trunk's list. Numbers of seven
    /// digits or more and names of callers are masked. Credentials, tokens and bodies are never shown. Whoever reads too
    /// slowly misses some, which is said, and keeps no call waiting.
    #[command(after_help = "\
Examples:
  cordboard sip trace
  cordboard sip trace --trunk carrier --number +14155550100
  cordboard sip trace --number 7042 --unmasked --count 2
  cordboard sip trace --json > messages.ndjson")]
    Trace(TraceArgs),
}

#[derive(Debug, Clone, Args)]
struct TraceArgs {
    /// Only what comes by this trunk
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Only what is about this number: in the URI, From, To, P-Asserted-Identity or Diversion
    ///
    /// Digits are found as part of those that stand there, a SIP user as a whole.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    number: Option<String>,
    /// Show numbers and names as they are, which needs a key with the permission admin
    #[arg(long)]
    unmasked: bool,
    /// End after so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn number(text: &str) -> Result<String, String> {
    SoughtNumber::parse(text).map(|_| text.to_owned()).map_err(|why| format!("it {why}"))
}

impl Errand for SipArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        match &self.command {
            SipCommand::Trace(trace) => trace.run(session),
        }
    }
}

impl TraceArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/sip/messages")
            .query("trunk", self.trunk.as_ref())
            .query("number", self.number.as_ref())
            .query("unmasked", self.unmasked.then_some(true));
        let mut lines = session.follow(&path)?;
        if session.terminal.remarks.tty {
            session.terminal.remark("watching; Ctrl-C ends it");
        }
        let mut left = self.count;
        while let Some(line) = next_line(&mut lines)? {
            let news: Value = serde_json::from_slice(&line).unwrap_or_default();
            if session.is_raw() {
                session.terminal.out.write_all(&line).map_err(Failure::Output)?;
            } else {
                let text = told(&news, session.terminal.look);
                session.terminal.say(&text)?;
            }
            // Somebody looks on.
            session.terminal.flush()?;
            if is_message(&news) {
                left = left.map(|left| left - 1);
            }
            if left == Some(0) {
                return Ok(());
            }
        }
        Err(Failure::Nothing("the router has ended it: it leaves, or the key is no longer good".to_owned()))
    }
}

/// The next whole line; nothing where they end.
fn next_line(lines: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    lines.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(Failure::Output)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

fn is_message(news: &Value) -> bool {
    text_in(news, "received").is_some()
}

/// A line for people: what was missed, then what came behind an arrow that shows which way it went.
fn told(news: &Value, look: Look) -> String {
    let mut text = match news.get("missed").and_then(Value::as_u64) {
        None | Some(0) => String::new(),
        Some(missed) => {
            format!("{}\n\n", look.yellow(format_args!("… {missed} missed: too many for this reader")))
        }
    };
    if !is_message(news) {
        return text;
    }
    let trunk = text_in(news, "trunk").map_or_else(|| STRANGER.to_owned(), clean);
    text.push_str(&format!(
        "{}  {}  {}  {}\n",
        look.bold(text_of(news, "at")),
        look.bold(trunk),
        text_of(news, "transport"),
        text_of(news, "source")
    ));
    text.push_str(&message(text_in(news, "received").unwrap_or_default(), "→", look));
    match (text_in(news, "answered"), text_in(news, "dropped")) {
        (Some(answered), _) => text.push_str(&message(answered, "←", look)),
        (None, Some(why)) => text.push_str(&format!("  {} nothing: {}\n", look.bold("←"), clean(why))),
        (None, None) => {}
    }
    text.push('\n');
    text
}

/// A message, indented, its first line behind an arrow.
fn message(text: &str, arrow: &str, look: Look) -> String {
    let text = clean_lines(&text.replace("\r\n", "\n"));
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut out = format!("  {} {}\n", look.bold(arrow), look.bold(first));
    lines.for_each(|line| out.push_str(&format!("    {}\n", look.dim(line))));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_and_its_answer_stand_behind_arrows_and_what_was_missed_before_them() {
        let mut news = json!({
            "missed": 2, "at": "2026-11-22T03:01:38.123Z", "trunk": "carrier", "transport": "udp",
            "source": "192.0.2.1:5060", "received": "OPTIONS sip:h SIP/2.0\r\nVia: x\u{1b}\r\n\r\n[4 bytes of body]",
            "answered": "SIP/2.0 200 OK\r\n\r\n", "dropped": null
        });
        assert_eq!(
            told(&news, Look::default()),
            "\
… 2 missed: too many for this reader

2026-11-22T03:01:38.123Z  carrier  udp  192.0.2.1:5060
  → OPTIONS sip:h SIP/2.0
    Via: x\u{fffd}
    [4 bytes of body]
  ← SIP/2.0 200 OK

"
        );
        news["missed"] = json!(0);
        news["trunk"] = Value::Null;
        news["received"] = json!("x");
        news["answered"] = Value::Null;
        news["dropped"] = json!("refused");
        assert_eq!(
            told(&news, Look::default()),
            "2026-11-22T03:01:38.123Z  no trunk  udp  192.0.2.1:5060\n  → x\n  ← nothing: refused\n\n"
        );
        assert_eq!(told(&json!({"missed": 0}), Look::default()), "");
    }
}
