//! The environment variables that a client command heeds.

use std::collections::BTreeMap;

/// Names the variables, and says them all.
macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $text;)*

        /// Every variable that begins with `CORDBOARD_` and means something to a client command.
        pub const VARIABLES: &[&str] = &[$($text),*];
    };
}

variables! {
    /// The router's data folder.
    DATA = "CORDBOARD_DATA";
    /// Address of management.
    URL = "CORDBOARD_URL";
    /// Address of the call plane.
    CALLS_URL = "CORDBOARD_CALLS_URL";
    /// A file of certificates to trust.
    CA = "CORDBOARD_CA";
    /// The API key.
    KEY = "CORDBOARD_KEY";
    /// A file that holds the API key.
    ADMIN_KEY_FILE = "CORDBOARD_ADMIN_KEY_FILE";
}

/// Environment variables, read once. An empty one counts as not set.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable that is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What editors are named by, the stronger first.
const EDITORS: [&str; 2] = ["VISUAL", "EDITOR"];

impl Variables {
    /// The command that opens a file for somebody to edit.
    pub(super) fn editor(&self) -> &str {
        EDITORS.iter().find_map(|name| self.get(name)).unwrap_or("vi")
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let ours =
            |name: &str| name.starts_with("CORDBOARD_") || name == "NO_COLOR" || EDITORS.contains(&name);
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, value): &(String, String)| ours(name) && !value.is_empty()).collect())
    }
}

// One of them may be a key.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
