//! Where settings are said: flags over variables over the file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::Args;

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
pub struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Reads the environment of this process: the only place in the settings that does.
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// The value of a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, _): &(String, OsString)| name.starts_with("CORDBOARD_")).collect())
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
        "log.level" => Some("CORDBOARD_LOG"),
        _ => None,
    };
    let by_rule = format!("CORDBOARD_{}", path.replace('.', "_").to_ascii_uppercase());
    short.map(str::to_owned).into_iter().chain([by_rule])
}
