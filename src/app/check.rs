//! `cordboard check FOLDER`: everything the router would say of a configuration, without a router.

use std::path::Path;
use std::time::Duration;

use super::checked::Checked;
use super::sources::{Folders, as_fault};
use crate::control::files;
use crate::control::reload::Sources as _;
use crate::domain::fault::Fault;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::settings::{Flags, Sources, Variables};
use crate::telemetry::Clock;

pub use crate::control::files::Summary;

/// Reads settings, agents and routes of a folder as if a router started there for the first time.
///
/// # Errors
/// All faults, those of the settings first.
pub fn check(folder: &Path) -> Result<Summary, Vec<Fault>> {
    let flags = Flags { config: Some(folder.display().to_string()), ..Flags::default() };
    let Checked { settings, certificates, .. } =
        Checked::read(&Sources { flags, variables: Variables::default() })?;
    if let Some(fault) = &settings.config_fault {
        return Err(vec![as_fault(fault.clone())]);
    }
    let clock = Clock::system();
    let now = Timestamp(clock.now_ms());
    let mut folders = Folders::new(&settings, Duration::ZERO, clock);
    let look = folders.look()?;
    let mut summary = files::check(&look.changed, &AccountId::first(), now)?;
    summary.warnings.extend(certificates.warnings(now.0 / 1_000));
    Ok(summary)
}
