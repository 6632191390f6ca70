//! Builds the rooms, joins them, and drains them.
//!
//! [`serve`] tells the story: settings, data folder, store, control with its table, call plane, management, and, when
//! every socket accepts, the addresses file. Building starts nothing; running decides nothing.

mod addresses;
mod build;
mod certificates;
mod check;
mod checked;
mod connections;
mod housekeeping;
mod open_files;
mod probing;
mod reset;
mod run;
mod sip;
mod sources;
mod test_runs;
mod token_keys;
mod trunks;
mod welcome;

use std::io::{self, Write};
use std::path::Path;

use rand::TryRng;
use rand::rngs::SysRng;

use crate::control::start::StartError;
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;
use crate::http::bind::BindError;
use crate::settings;
use crate::store::folder::FolderError;
use crate::store::life::{Life, LifeError};
use crate::telemetry::{Clock, TelemetryError};

pub use crate::store::backup::{RestoreError, Restored, restore};
pub use check::{Summary, check};
pub use reset::ResetError;

/// Why the router cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The settings are faulty.
    #[error("the settings are faulty")]
    Settings(Vec<Fault>),
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store or its secret cannot be used.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// Control cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An address cannot be bound.
    #[error("{source}: --{plane}, or `{plane}` under [listen] in cordboard.toml, can name another address")]
    Bind {
        /// Which listener: the name of its flag and of its key.
        plane: &'static str,
        /// Which address, and why.
        source: BindError,
    },
    /// Logs or metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The system refuses something.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
}

impl AppError {
    /// The mistakes in files behind it, if it is about files.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Settings(faults)
            | Self::Start(StartError::Files(faults) | StartError::NothingServes { faults, .. }) => faults,
            _ => &[],
        }
    }
}

/// Runs the router until it is told to stop; says on `out` where it listens and what to try.
///
/// # Errors
/// When it cannot start; a stop by signal is no error.
pub fn serve(sources: &settings::Sources, out: &mut dyn Write) -> Result<(), AppError> {
    let first = |settings: &settings::Settings| Life::is_none(&settings.data).then_some(settings.files.still);
    let checked = checked::Checked::read(sources)
        .map_err(|faults| AppError::Settings(check::and_others(faults, sources, first, &Clock::system())))?;
    let router = build::build(checked)?;
    run::run(router, out)
}

/// Makes a new admin key in a data folder; see [`ResetError`].
///
/// # Errors
/// When nothing was changed, and why.
pub fn reset_admin_key(data: &Path) -> Result<(), ResetError> {
    reset::reset(data, Timestamp(Clock::system().now_ms()), &mut random_bytes)
}

/// 32 bytes of the system's randomness.
fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Without randomness there are no keys: nothing could be done about it here, and nothing must go on.
    if SysRng.try_fill_bytes(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}
