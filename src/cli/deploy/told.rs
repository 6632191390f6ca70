//! What came of a way into an environment, or would, as people read it.

use serde_json::Value;

use crate::cli::compare;
use crate::cli::table::Look;
use crate::cli::words::{items, text_of, version_of, words};
use crate::domain::words::counted;

/// `V2 of sales`, and where it serves.
pub(super) fn deployed(answer: &Value) -> (String, String) {
    let deployment = answer.get("deployment").unwrap_or(&Value::Null);
    let metadata = deployment.get("metadata").unwrap_or(&Value::Null);
    let what = format!("{} of {}", version_of(metadata, "version_number"), text_of(deployment, "agentId"));
    (what, text_of(deployment, "environment"))
}

/// What a dry run answers.
pub(super) fn dry_run(answer: &Value, look: Look) -> String {
    let (what, environment) = deployed(answer);
    if answer.get("hasChanges") == Some(&Value::Bool(false)) {
        return format!("{environment} serves what {what} is already\n");
    }
    let mut text = format!("{} would serve {environment}; {} there\n", look.bold(what), followers(answer));
    for warning in items(answer, "warnings") {
        text += &format!("{} {}\n", look.yellow("warning:"), words(warning));
    }
    text + &compare::told_sections(answer, look)
}

/// What leads there.
fn followers(answer: &Value) -> String {
    let count = |member: &str| answer.get(member).and_then(Value::as_u64).unwrap_or_default();
    let default = u64::from(answer.get("defaultRoute") == Some(&Value::Bool(true)));
    let counts = [("number", count("numbers")), ("prefix", count("prefixes")), ("default route", default)];
    let told = counts.iter().filter(|(_, count)| *count > 0).map(|(one, count)| match *one {
        "default route" => format!("the {one}"),
        one => counted(usize::try_from(*count).unwrap_or(usize::MAX), one),
    });
    let told: Vec<String> = told.collect();
    match (told.as_slice(), counts.iter().map(|(_, count)| *count).fold(0, u64::saturating_add)) {
        ([], _) => "nothing leads".to_owned(),
        (told, 1) => format!("{} leads", told.join(", ")),
        (told, _) => format!("{} lead", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dry_run_reads_as_a_sentence_and_a_comparison() {
        let mut answer = json!({
            "dryRun": true, "hasChanges": true, "numbers": 3, "prefixes": 0, "defaultRoute": false, "warnings": ["careful"],
            "deployment": {"agentId": "sales", "environment": "live", "metadata": {"version_number": 2}},
            "sections": [{"section": "agent_settings", "changes":
                [{"path": "llm.temperature", "type": "modify", "from": 0.7, "to": 1}]}]
        });
        assert_eq!(
            dry_run(&answer, Look::default()),
            "\
V2 of sales would serve live; 3 numbers lead there
warning: careful

agent_settings
  ~ llm.temperature
    - 0.7
    + 1
"
        );
        for (numbers, prefixes, default, told) in [
            (0, 0, false, "nothing leads there"),
            (1, 0, false, "1 number leads there"),
            (0, 2, false, "2 prefixes lead there"),
            (0, 0, true, "the default route leads there"),
            (5, 1, true, "5 numbers, 1 prefix, the default route lead there"),
        ] {
            answer["numbers"] = json!(numbers);
            answer["prefixes"] = json!(prefixes);
            answer["defaultRoute"] = json!(default);
            assert!(dry_run(&answer, Look::default()).contains(told), "{told}");
        }
        answer["hasChanges"] = json!(false);
        assert_eq!(dry_run(&answer, Look::default()), "live serves what V2 of sales is already\n");
    }
}
