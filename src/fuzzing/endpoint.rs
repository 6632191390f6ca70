//! The URI of an endpoint with `{agent}`, `{version}`, `{arm}` or `{callId}` in it: it is printed as it was written, and
//! no value that is filled in reaches beyond its place.

use crate::domain::endpoint::{EndpointTemplate, Filling};
use crate::domain::id::VersionNumber;

/// The template, and behind a line's end what is filled in.
pub(super) fn law(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (written, value) = text.split_once('\n').unwrap_or((text, "sip:me@here;tag=\"<\\\r\n>\""));
    let template = match EndpointTemplate::parse(written) {
        Ok(template) => template,
        Err(why) => return assert!(!why.is_empty()),
    };
    assert_eq!(template.to_string(), written);
    let render = |agent: &str, value: &str| {
        let mut uri = String::new();
        let filling = Filling { agent, version: VersionNumber::new(7), arm: value, call_id: value };
        template.render(&filling, |piece| uri.push_str(piece));
        uri
    };
    let uri = render(value, value);
    let harmless = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    assert!(uri.chars().all(harmless), "{uri:?}");
    // No value adds a scheme, a host, a parameter or a header to what was written.
    let structure = |uri: &str| uri.chars().filter(|c| ":/?#[]@!$&'()*+,;=".contains(*c)).collect::<String>();
    assert_eq!(structure(&uri), structure(&render("", "")), "{uri:?}");
    assert_eq!(template.is_fixed(), render("x", "a") == render("x", "b"), "{written:?}");
}
