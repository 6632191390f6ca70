//! Finds credentials that were written in clear into the settings of a tool.
//!
//! A configuration is shown, compared, exported and kept for ever, so a tool names its secret instead:
//! `{"secret": "name"}`.

use super::fault::Faults;
use super::node::{Node, Shape};

const EXPECTED: &str = r#"{"secret": "name"}, which names a secret that is kept elsewhere"#;

/// Last words of keys that hold a credential; `tokenUrl` and `maxTokens` hold none.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "credentials",
];
/// Beginnings of texts that are credentials under any key.
const BEGINNINGS: [&str; 4] = ["bearer ", "basic ", "-----begin private key", "-----begin rsa private key"];

/// How keys that services give out begin, and how many characters follow at least.
const GIVEN_OUT: [(&str, usize); 12] = [
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AKIA", 16),
    ("AIza", 30),
];
/// Shortest signed token (`eyJ….….…`).
const SIGNED_CHARS_MIN: usize = 40;
/// Shortest value behind the name of a credential in a line such as `X-Api-Key: 0f3c9a71`.
const VALUE_CHARS_MIN: usize = 8;

/// Reports every credential in clear in the settings of a tool.
pub fn check(config: &Node, faults: &mut Faults<'_>) {
    for member in config.members() {
        let back = faults.enter_key(&member.name);
        check_value(&member.node, is_credential_name(&member.name), faults);
        faults.leave(back);
    }
}

fn check_value(node: &Node, secret: bool, faults: &mut Faults<'_>) {
    match &node.shape {
        Shape::Text(text) if (secret && !text.is_empty()) || is_credential(text) => {
            // Not shown: faults end up in logs.
            faults.add(node.at, "holds a credential in clear", EXPECTED);
        }
        Shape::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let back = faults.enter_item(index);
                check_value(item, secret, faults);
                faults.leave(back);
            }
        }
        Shape::Object(members) => match members.as_slice() {
            [only] if only.name == "secret" => {
                if !only.node.text().is_some_and(is_secret_name) {
                    faults.add(node.at, "names no secret", "1 to 100 letters, digits or ./_- as its name");
                }
            }
            _ => {
                check(node, faults);
                check_pair(node, faults);
            }
        },
        _ => {}
    }
}

/// `{"name": "Authorization", "value": "…"}`, as lists of headers are written.
fn check_pair(node: &Node, faults: &mut Faults<'_>) {
    let named = ["name", "key", "header"].iter().find_map(|key| node.get(key)?.text());
    if let (Some(name), Some(value)) = (named, node.get("value"))
        && is_credential_name(name)
        && value.text().is_some_and(|text| !text.is_empty() && !is_credential(text))
    {
        let back = faults.enter_key("value");
        faults.add(value.at, "holds a credential in clear", EXPECTED);
        faults.leave(back);
    }
}

fn is_credential_name(name: &str) -> bool {
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    WORDS.iter().any(|word| letters.ends_with(word))
}

fn is_credential(text: &str) -> bool {
    let begins = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    BEGINNINGS.iter().any(|beginning| begins(beginning))
        || has_password(text)
        || text.lines().any(is_credential_line)
        || words(text).any(is_given_out)
}

/// `X-Api-Key: 0f3c9a71`, as a header is written; what a sentence says of a password is none.
fn is_credential_line(line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else { return false };
    let value = value.trim();
    let schemed = value
        .split_once(' ')
        .filter(|(scheme, _)| ["bearer", "basic"].contains(&&*scheme.to_ascii_lowercase()));
    let value = schemed.map_or(value, |(_, value)| value.trim());
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let one_word = value.len() >= VALUE_CHARS_MIN && value.bytes().all(|byte| byte.is_ascii_graphic());
    let name = name.trim();
    !name.is_empty()
        && name.chars().all(is_name)
        && is_credential_name(name)
        && one_word
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && !value.contains(['{', '<'])
}

/// The words of a text, of the characters that keys are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
}

/// Whether a word looks like a key that a service gave out, by its own beginning and length.
fn is_given_out(word: &str) -> bool {
    let signed = word.starts_with("eyJ") && word.len() >= SIGNED_CHARS_MIN && word.matches('.').count() == 2;
    let given_out = |(beginning, least): &(&str, usize)| {
        word.strip_prefix(beginning)
            .is_some_and(|rest| rest.len() >= *least && rest.bytes().any(|byte| byte.is_ascii_digit()))
    };
    signed || GIVEN_OUT.iter().any(given_out)
}

/// `https://user:password@host`, wherever in a text it stands. `https://{user}:{password}@host` is none: what it names is
/// filled in when the tool is called, and is not written here.
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', '"', '\'', ' ', '\n']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        user.is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('{'))
    })
}

fn is_secret_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"./_-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_wherever_they_stand_in_a_text() {
        for text in [
            "https://user:pass@example.com",
            "see https://example.com/a and then https://user:pass@example.com/b",
            "postgres://app:s3cret@db.example.com:5432/app",
            "x-foo: sk-abcdefghij0123456789ABCD",
            "curl -H 'x-foo: sk-proj-abcdefghij0123456789'",
            "ghp_0123456789abcdefghijABCDEFGHIJ123456",
            "key=AKIA0123456789ABCDEF",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijk",
            "X-Api-Key: 0f3c9a71",
            "accept: */*\nAuthorization: Token 0f3c9a71\nX-Auth-Token: 0f3c9a71",
            "Authorization: Bearer 0f3c9a71",
        ] {
            assert!(is_credential(text), "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_no_credential() {
        for text in [
            "",
            "https://example.com/a?b=c@d",
            "https://example.com:8443/user:pass@later",
            "https://{user}:{password}@example.com",
            "mailto:somebody@example.com",
            "sip:desk@10.0.0.9:5060",
            "Ask for the password: it has 8 digits or more",
            "password: required",
            "token: string",
            "X-Api-Key: {apiKey}",
            "sk-SK",
            "sk-learn-is-a-library-for-python-programs",
            "the task-force of 2026",
            "AKIA",
            "2026-01-01T00:00:00Z",
            "token_url: https",
            "eyJ",
        ] {
            assert!(!is_credential(text), "{text}");
        }
    }
}
