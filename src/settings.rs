//! Settings as written and as meant, and folder watching.
//!
//! [`Settings::load`] joins flags, variables and `cordboard.toml`, in that order of strength, and either gives
//! settings in which every value has been checked or every [`Fault`] there is, each with its place. What was
//! [`written`] (all optional, each with where it stands) and what is [`meant`] (typed, complete) are two types.
//!
//! [`watch`] says that something may have changed in a folder, [`folder`] then reads what did, [`pair`] two files that
//! belong together. None of them knows what the files hold.
//!
//! `[[gateway]]` and `[[trunk]]` are lists of tables, each meant in a module of its own: [`gateways`], [`trunks`]. What they
//! say alike is in [`home`] and [`networks`].
mod document;
pub mod fault;
pub mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod gateways;
pub mod home;
mod load;
pub mod meant;
pub mod networks;
pub mod pair;
mod section;
mod source;
pub mod tls;
pub mod trunks;
pub mod watch;
pub mod written;

pub use fault::{Fault, Place};
pub use gateways::{Gateway, GatewayIx, Gateways};
pub use home::Home;
pub use load::{SETTINGS_FILE, config_folder};
pub use meant::Settings;
pub use source::{Flags, Sources, Variables};
pub use trunks::{Trunk, Trunks};
