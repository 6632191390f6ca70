//! Where settings are said: flags over variables over the file.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use clap::Args;

use super::section::nearest;

/// How the names of our variables begin.
const PREFIX: &str = "CORDBOARD_";

/// What the command line says; everything else is in variables or the file.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Folder that holds `cordboard.toml`, `routes/` and `agents/` [default: config]
    #[arg(long, value_name = "FOLDER")]
    pub config: Option<String>,
    /// Folder for what Cordboard keeps: stores, token key, last good route files [default: data]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<String>,
    /// Address of the call plane; port 0 takes a free one [default: 127.0.0.1:8700]
    #[arg(long, value_name = "ADDR")]
    pub calls: Option<String>,
    /// Address of management; port 0 takes a free one [default: 127.0.0.1:8701]
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<String>,
    /// Address of SIP over UDP and TCP; port 0 takes a free one [default: none]
    #[arg(long, value_name = "ADDR")]
    pub sip: Option<String>,
    /// Address of SIP over TLS, which needs a certificate; port 0 takes a free one [default: none]
    #[arg(long, value_name = "ADDR")]
    pub sip_tls: Option<String>,
    /// What is logged: a level, or levels by target such as `info,hyper=warn` [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
}

impl Flags {
    /// The flag for a key of the file, if it has one, and what it says.
    pub(super) fn get(&self, path: &str) -> Option<(&'static str, &str)> {
        let (name, value) = match path {
            "data" => ("--data", &self.data),
            "listen.calls" => ("--calls", &self.calls),
            "listen.admin" => ("--admin", &self.admin),
            "listen.sip" => ("--sip", &self.sip),
            "listen.sip_tls" => ("--sip-tls", &self.sip_tls),
            "log.level" => ("--log", &self.log),
            _ => return None,
        };
        value.as_deref().map(|value| (name, value))
    }
}

/// The environment variables that begin with `CORDBOARD_`, as they were at start.
///
/// An empty variable counts as not set, since composing tools set what they have no value for to nothing.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    set: BTreeMap<String, OsString>,
    /// Names that were asked for: those that mean something.
    asked: RefCell<BTreeSet<String>>,
}

impl Variables {
    /// Reads the environment of this process: the only place in the settings that does.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// What to say of each variable that is set and means nothing: no setting asks for it, and it is none of those
    /// that are known elsewhere.
    pub fn unknown(&self, known_elsewhere: &[&str]) -> Vec<String> {
        let asked = super::load::variables();
        let bare = |name: &'_ str| name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let known: Vec<String> =
            asked.iter().map(String::as_str).chain(known_elsewhere.iter().copied()).map(bare).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let set = self.set.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| bare(name));
        let unknown = set.filter(|name| !known.contains(&name.as_str()));
        unknown
            .map(|name| match nearest(&name, &known) {
                Some(near) => format!("the variable {PREFIX}{name} means nothing: {PREFIX}{near}, perhaps"),
                None => format!("the variable {PREFIX}{name} means nothing"),
            })
            .collect()
    }

    /// The names that were asked for.
    pub(super) fn into_asked(self) -> BTreeSet<String> {
        self.asked.into_inner()
    }

    /// The value of a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.set.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        let ours = |(name, _): &(String, OsString)| name.starts_with(PREFIX);
        Self { set: pairs.filter(ours).collect(), asked: RefCell::default() }
    }
}

/// Everything that may say a setting, but for the file, which the first two lead to.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The strongest.
    pub flags: Flags,
    /// Stronger than the file.
    pub variables: Variables,
}

/// The variables of a key: by rule, and for the few everybody sets a short name.
pub(super) fn variable_names(path: &str) -> impl Iterator<Item = String> {
    let short = match path {
        "listen.calls" => Some("CORDBOARD_CALLS"),
        "listen.admin" => Some("CORDBOARD_ADMIN"),
        "listen.sip" => Some("CORDBOARD_SIP"),
        "listen.sip_tls" => Some("CORDBOARD_SIP_TLS"),
        "log.level" => Some("CORDBOARD_LOG"),
        _ => None,
    };
    let by_rule = format!("CORDBOARD_{}", path.replace('.', "_").to_ascii_uppercase());
    short.map(str::to_owned).into_iter().chain([by_rule])
}
