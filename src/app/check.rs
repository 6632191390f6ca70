//! `cordboard check FOLDER`: everything the router would say of a configuration, without a router.

use std::path::Path;
use std::time::Duration;

use super::build::accounts;
use super::checked::Checked;
use super::sources::{Folders, as_fault};
use crate::control::files;
use crate::control::reload::Sources as _;
use crate::domain::fault::Fault;
use crate::domain::id::AccountId;
use crate::domain::time::Timestamp;
use crate::settings::{Flags, SETTINGS_FILE, Settings, Sources, Variables};
use crate::telemetry::Clock;

pub use crate::control::files::Summary;

/// Reads settings, agents and routes of a folder as if a router started there for the first time.
///
/// # Errors
/// All faults, those of the settings first.
pub fn check(folder: &Path) -> Result<Summary, Vec<Fault>> {
    if !folder.is_dir() {
        return Err(vec![Fault {
            file: folder.display().to_string(),
            message: "is no folder".to_owned(),
            expected: format!("a folder that holds {SETTINGS_FILE}, routes/ and agents/"),
            ..Fault::of_folder()
        }]);
    }
    let flags = Flags { config: Some(folder.display().to_string()), ..Flags::default() };
    let clock = Clock::system();
    let sources = Sources { flags, variables: Variables::default() };
    let Checked { settings, certificates, .. } = Checked::read(&sources).map_err(|mut faults| {
        // Settings that are at fault hide nothing of the files, if it is known where these are.
        let (settings, of_settings) = Settings::read(&sources);
        if !of_settings.iter().any(|fault| names_a_folder(&fault.message)) {
            faults.extend(check_start(&settings, Duration::ZERO, &clock).err().into_iter().flatten());
        }
        faults
    })?;
    let mut summary = check_start(&settings, Duration::ZERO, &clock)?;
    summary.warnings.extend(certificates.warnings(clock.now_ms() / 1_000));
    Ok(summary)
}

fn names_a_folder(message: &str) -> bool {
    ["routes ", "agents "].iter().any(|key| message.starts_with(key))
}

/// Tells what a first start would refuse beside the settings themselves: agents and routes of both folders, which must
/// have been `still` for a while, and accounts that gateways name. Makes nothing of them.
///
/// The only account that a first start has is the first one, and nothing makes others: so a later start refuses the same.
pub(super) fn check_start(
    settings: &Settings,
    still: Duration,
    clock: &Clock,
) -> Result<Summary, Vec<Fault>> {
    let first = AccountId::first();
    let of_gateways = accounts(settings, &first, |account| *account == first).err();
    let mut faults: Vec<Fault> = of_gateways.into_iter().flatten().map(as_fault).collect();
    let look = Folders::new(settings, still, clock.clone()).look();
    let summary = look.and_then(|look| files::check(&look.changed, &first, Timestamp(clock.now_ms())));
    match summary {
        Ok(summary) if faults.is_empty() => Ok(summary),
        summary => {
            faults.extend(summary.err().into_iter().flatten());
            Err(faults)
        }
    }
}
