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
    BEGINNINGS.iter().any(|beginning| begins(beginning)) || has_password(text)
}

/// `https://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, p)| !p.is_empty()))
}

fn is_secret_name(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"./_-".contains(&c))
}
