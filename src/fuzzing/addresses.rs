//! Numbers, SIP users, callers, prefixes and the ids in paths: what is read is printed so that it is read the same.

use crate::domain::address::{Address, Caller, Number, Prefix, USER_BYTES_MAX};
use crate::domain::caller_pin::CallerAddress;
use crate::domain::id::{AgentId, ConfigHash, Pin, SplitId, VersionNumber};
use crate::domain::time::Timestamp;

pub(super) fn law(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = Address::parse(text) {
        let shown = address.to_string();
        assert_eq!(Address::parse(&shown).as_ref(), Ok(&address), "{shown:?}");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        if let Address::User(user) = &address {
            assert!(user.len() <= USER_BYTES_MAX && !user.trim().is_empty(), "{user:?}");
        }
        let number = Number::parse(text).expect("what is an address is a number");
        assert_eq!(number, address.to_number());
        let stored = serde_json::to_string(&number).expect("a text");
        assert_eq!(serde_json::from_str::<Number>(&stored).ok(), Some(number));
    }
    if let Caller::Known(address) = Caller::parse(text)
        && Address::parse(text).is_ok()
    {
        assert_eq!(Caller::parse(&address.to_string()), Caller::Known(address.clone()));
    }
    if let Ok(caller) = CallerAddress::parse(text) {
        assert_eq!(CallerAddress::parse(&caller.to_string()), Ok(caller));
    }
    if let Some(prefix) = Prefix::parse(text) {
        assert_eq!(prefix.to_string(), text, "a prefix has one way to be written");
    }
    named(text);
}

/// What else is named in paths and files.
fn named(text: &str) {
    if let Ok(id) = AgentId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(id) = SplitId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    if let Some(hash) = ConfigHash::parse(text) {
        assert_eq!(hash.to_string(), text);
    }
    if let Some(version) = VersionNumber::parse(text) {
        assert_eq!(VersionNumber::parse(&version.to_string()), Some(version));
    }
    if let Some(pin) = Pin::parse(text) {
        assert_eq!(Pin::parse(&pin.to_string()), Some(pin));
    }
    if let Some(at) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{at}");
    }
}
