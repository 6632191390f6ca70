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
use crate::settings::{Flags, Settings, Sources, Variables};
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
    let mut summary = check_files(&settings, Duration::ZERO, &clock)?;
    summary.warnings.extend(certificates.warnings(clock.now_ms() / 1_000));
    Ok(summary)
}

/// Reads agents and routes of both folders, which must have been `still` for a while, and makes nothing of them.
pub(super) fn check_files(
    settings: &Settings,
    still: Duration,
    clock: &Clock,
) -> Result<Summary, Vec<Fault>> {
    let look = Folders::new(settings, still, clock.clone()).look()?;
    files::check(&look.changed, &AccountId::first(), Timestamp(clock.now_ms()))
}
