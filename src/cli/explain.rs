//! `explain`: who would serve a call, and why.

use clap::Args;
use serde_json::{Value, json};

use super::client::{Plane, Question};
use super::failure::Failure;
use super::path::Path;
use super::session::{Errand, Session};
use super::status::told_trouble;
use super::table::{Look, bar, labelled, per_cent};
use super::words::{clean, items, text_in, text_of, words};
use super::written::{Override, header_line, object};

/// Tell who would serve a call, and why
///
/// Asks the call plane for a decision that is recorded nowhere, and tells it as a story: who serves, every rule that
/// was looked at in order, the slot and the shares of the split, where the call goes and with which headers.
///
/// Exit code 1 where nobody serves the number.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  cordboard explain +14155550100
  cordboard explain +14155550100 --from +14155550123 --header 'X-Env: test'
  cordboard explain +14155550100 --override sales@V4
  cordboard explain +14155550100 --override spring/test --json")]
pub struct ExplainArgs {
    /// The number that is dialled: +digits, tel:, sip:, or a SIP user
    number: String,
    /// The number that calls
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// The call's id; where a call of that id is in progress, its decision stands
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// A header of the call; may be said again
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header_line)]
    headers: Vec<(String, String)>,
    /// The gateway that asks
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// The token of an earlier decision
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// What is to serve instead; needs a key with the permission `override`
    #[arg(long = "override", value_name = "AGENT@PIN|SPLIT/ARM")]
    wanted: Option<Override>,
}

impl Errand for ExplainArgs {
    fn run(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        let path = Path::of("/v1/calls").query("dryRun", Some(true));
        let body = Some(self.body().to_string().into_bytes());
        let question = Question { plane: Plane::Calls, body, ..Question::of("POST", &path) };
        let mut reply = session.ask(question)?;
        let unserved = reply.status == 404 && reply.json().get("reason").is_some();
        if unserved {
            // An answer like any other, only that nobody is in it.
            reply.status = 200;
        }
        let reply = reply.granted()?;
        session.show(&reply, |decision, look| story(self, decision, look))?;
        if unserved { Err(Failure::Unserved(self.number.clone())) } else { Ok(()) }
    }
}

/// Beside an arm that says nothing of the next call.
const DRAWN_AFRESH: &str = "the arm is drawn afresh each time: ask again and it may be another one; \
                            --from says which one a caller hears\n";

impl ExplainArgs {
    /// Whether the arm was drawn for this question alone: by nothing, or by the call's id where none was said.
    fn is_drawn_afresh(&self, decision: &Value) -> bool {
        let split = decision.get("split").unwrap_or(&Value::Null);
        match text_in(split, "unit") {
            Some("random") => true,
            Some("call") => self.call_id.is_none(),
            _ => false,
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({"to": self.number});
        let said = [
            ("from", self.from.as_ref().map(|from| json!(from))),
            ("callId", self.call_id.as_ref().map(|id| json!(id))),
            ("headers", (!self.headers.is_empty()).then(|| object(&self.headers))),
            ("gateway", self.gateway.as_ref().map(|gateway| json!(gateway))),
            ("token", self.token.as_ref().map(|token| json!(token))),
            ("override", self.wanted.as_ref().map(Override::to_json)),
        ];
        if let Value::Object(members) = &mut body {
            members.extend(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        body
    }
}

/// Tells a decision.
fn story(asked: &ExplainArgs, decision: &Value, look: Look) -> String {
    let explain = decision.get("explain").unwrap_or(&Value::Null);
    let mut story = headline(&asked.number, decision, look);
    if let Some(reason) = decision.get("reason") {
        story += &format!("because {}\n", text_of(reason, "text"));
    }
    if asked.is_drawn_afresh(decision) {
        story += &look.yellow(DRAWN_AFRESH);
    }
    let rules = items(explain, "rules");
    if !rules.is_empty() {
        story += &format!("\n{}\n{}", look.bold("Rules, in order"), told_rules(rules, look));
    }
    if let Some(split) = decision.get("split").filter(|split| split.is_object()) {
        story += &format!("\n{}", told_split(split, explain, look));
    }
    story += &format!("\n{}", labelled(look, outcome(decision, explain)));
    story
}

pub(super) fn headline(number: &str, decision: &Value, look: Look) -> String {
    let number = clean(number);
    let Some(agent) = text_in(decision, "agentId") else {
        return format!("{}\n", look.bold(format_args!("Nobody serves {number}")));
    };
    let version = match decision.get("version") {
        Some(Value::Number(version)) => format!("V{version}"),
        _ => "the draft".to_owned(),
    };
    let headline =
        format!("{number} is served by {}, {version} (pin {})", clean(agent), text_of(decision, "pin"));
    format!("{}\n", look.bold(headline))
}

fn told_rules(rules: &[Value], look: Look) -> String {
    let width = rules.iter().map(|rule| text_of(rule, "rule").chars().count()).max().unwrap_or_default();
    rules
        .iter()
        .map(|rule| {
            let (name, why) = (text_of(rule, "rule"), text_of(rule, "why"));
            if rule.get("decided").and_then(Value::as_bool) == Some(true) {
                format!("  {} {name:width$}  {why}\n", look.green("✓"))
            } else {
                format!("  {} {}\n", look.red("✗"), look.dim(format_args!("{name:width$}  {why}")))
            }
        })
        .collect()
}

fn told_split(split: &Value, explain: &Value, look: Look) -> String {
    let (id, arm) = (text_of(split, "id"), text_of(split, "arm"));
    // Where no slot decided, as while the split rests or after its end, the arms share nothing.
    let shares = split.get("slot").is_some_and(Value::is_u64);
    let found = match split.get("slot").and_then(Value::as_u64) {
        Some(slot) => format!("by {}: slot {slot} of 10000 is {arm}'s", text_of(split, "unit")),
        None => format!("{arm}, without a slot"),
    };
    let arms = items(explain, "arms");
    let width = arms.iter().map(|arm| text_of(arm, "id").chars().count()).max().unwrap_or_default();
    let mut told = format!("{}, {found}\n", look.bold(format_args!("Split {id}")));
    for share in arms {
        let name = text_of(share, "id");
        let slots = share.get("ownedSlots").and_then(Value::as_u64).unwrap_or_default();
        let mark = if name == arm { look.green("▸") } else { " ".to_owned() };
        let weight = text_of(share, "weight");
        if !shares {
            told += &format!("  {mark} {name:width$}  weight {weight}\n");
            continue;
        }
        let (bar, share_text) = (bar(slots), per_cent(slots));
        told += &format!("  {mark} {name:width$}  {bar}  {share_text:>8}  weight {weight}\n");
    }
    told
}

pub(super) fn outcome<'l>(decision: &Value, explain: &Value) -> Vec<(&'l str, String)> {
    let targets = items(decision, "targets").iter().map(|target| text_of(target, "uri")).collect::<Vec<_>>();
    let mut lines = vec![(
        "Target",
        if targets.is_empty() { text_of(decision, "target") } else { targets.join(", then ") },
    )];
    let down = items(explain, "targetsDown");
    let is_left_out = |target: &&Value| target.get("leftOut").and_then(Value::as_bool) == Some(true);
    let (left_out, all): (Vec<_>, Vec<_>) = down.iter().partition(is_left_out);
    for (label, targets) in [("Left out", left_out), ("All down", all)] {
        let told: Vec<_> = targets.into_iter().map(|it| told_trouble(it, Look::default())).collect();
        if !told.is_empty() {
            lines.push((label, told.join("; ")));
        }
    }
    let headers = decision.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten();
    let headers: Vec<_> = headers.map(|(name, value)| format!("{}: {}", clean(name), words(value))).collect();
    if !headers.is_empty() {
        lines.push(("Headers", headers.join(", ")));
    }
    for (label, member) in [
        ("Environment", "environment"),
        ("Site variant", "siteVariantId"),
        ("Connector", "connectorId"),
        ("Configuration", "versionHash"),
    ] {
        if text_in(decision, member).is_some() {
            lines.push((label, text_of(decision, member)));
        }
    }
    lines.push(("Revision", text_of(decision, "revision")));
    if !items(explain, "ignored").is_empty() {
        lines.push(("Not heeded", text_of(explain, "ignored")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(number: &str) -> ExplainArgs {
        ExplainArgs {
            number: number.to_owned(),
            from: None,
            call_id: None,
            headers: Vec::new(),
            gateway: None,
            token: None,
            wanted: None,
        }
    }

    #[test]
    fn an_arm_that_is_drawn_afresh_each_time_is_told_so() {
        let by = |unit: Value| json!({"agentId": "sales", "split": {"id": "spring", "arm": "a", "slot": 7, "unit": unit}});
        let told = |asked: &ExplainArgs, unit: Value| {
            story(asked, &by(unit), Look::default()).contains("drawn afresh each time")
        };
        let anybody = asked("+14155550100");
        let known = ExplainArgs { call_id: Some("c".to_owned()), ..anybody.clone() };
        assert!(
            told(&anybody, json!("call")) && told(&anybody, json!("random")) && told(&known, json!("random"))
        );
        assert!(
            !told(&known, json!("call"))
                && !told(&anybody, json!("caller"))
                && !told(&anybody, json!("header"))
        );
        assert!(!told(&anybody, Value::Null), "a split that rests draws nothing");
    }

    #[test]
    fn a_decision_reads_as_a_story() {
        let decision = json!({
            "callId": null, "revision": 4711, "agentId": "sales", "pin": "V3", "version": 3, "draft": false,
            "versionHash": "00112233445566778899aabbccddeeff", "environment": null,
            "split": {"id": "spring", "arm": "control", "slot": 3708, "unit": "caller"},
            "target": "sip:sales@10.0.0.1:5060",
            "targets": [{"uri": "sip:sales@10.0.0.1:5060"}, {"uri": "sip:sales@10.0.0.2:5060"}],
            "headers": {"X-Agent-Version": "3", "X-Brand": "north"},
            "reason": {"code": "number_split", "text": "+14155550100 is in split spring"},
            "explain": {
                "rules": [
                    {"rule": "token", "decided": false, "why": "none was sent"},
                    {"rule": "number_split", "decided": true, "why": "slot 3708 belongs to control"}
                ],
                "unit": "caller", "slot": 3708, "revision": 4711, "ignored": ["agent"],
                "arms": [
                    {"id": "control", "weight": 80, "configuredSlots": 8000, "ownedSlots": 8000},
                    {"id": "test", "weight": 20, "configuredSlots": 2000, "ownedSlots": 2000}
                ]
            }
        });
        assert_eq!(
            story(&asked("+14155550100"), &decision, Look::default()),
            "\
+14155550100 is served by sales, V3 (pin V3)
because +14155550100 is in split spring

Rules, in order
  ✗ token         none was sent
  ✓ number_split  slot 3708 belongs to control

Split spring, by caller: slot 3708 of 10000 is control's
  ▸ control  ████████████████████████░░░░░░   80.00 %  weight 80
    test     ██████░░░░░░░░░░░░░░░░░░░░░░░░   20.00 %  weight 20

Target         sip:sales@10.0.0.1:5060, then sip:sales@10.0.0.2:5060
Headers        X-Agent-Version: 3, X-Brand: north
Configuration  00112233445566778899aabbccddeeff
Revision       4711
Not heeded     agent
"
        );
    }

    #[test]
    fn a_target_that_is_down_is_told_as_left_out_or_with_all_others() {
        let told = |left_out: bool| {
            let decision = json!({"target": "sip:a@h2", "revision": 1});
            let down = json!({"uri": "sip:a@h1", "since": "2026-01-01T00:00:00.000Z", "cause": "refused",
                              "leftOut": left_out});
            labelled(Look::default(), outcome(&decision, &json!({"targetsDown": [down]})))
        };
        let since = "sip:a@h1 since 2026-01-01T00:00:00Z: refused";
        assert_eq!(told(true), format!("Target    sip:a@h2\nLeft out  {since}\nRevision  1\n"));
        assert_eq!(told(false), format!("Target    sip:a@h2\nAll down  {since}\nRevision  1\n"));
    }

    #[test]
    fn a_split_that_rests_draws_no_shares() {
        let explain = json!({"arms": [{"id": "control", "weight": 60, "ownedSlots": 6000},
                                      {"id": "test", "weight": 40, "ownedSlots": 4000}]});
        let split = json!({"id": "spring", "arm": "control", "slot": null, "unit": null});
        assert_eq!(
            told_split(&split, &explain, Look::default()),
            "Split spring, control, without a slot\n  ▸ control  weight 60\n    test     weight 40\n"
        );
    }

    #[test]
    fn nobody_is_an_answer_too() {
        let decision = json!({"agentId": null, "target": null, "split": null, "revision": 7,
            "reason": {"code": "no_route", "text": "nothing leads from +1 to an agent"}, "explain": {"rules": []}});
        assert_eq!(
            story(&asked("+14155550100"), &decision, Look::default()),
            "Nobody serves +14155550100\nbecause nothing leads from +1 to an agent\n\nTarget    -\nRevision  7\n"
        );
        assert_eq!(
            story(&asked("x"), &json!("odd"), Look::default()),
            "Nobody serves x\n\nTarget    -\nRevision  -\n"
        );
    }
}
