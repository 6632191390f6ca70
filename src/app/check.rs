//! `cordboard check`: everything the router would say of a configuration, without a router.

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
use crate::settings::{self, Flags, SETTINGS_FILE, Settings, Sources, Variables};
use crate::telemetry::Clock;

pub use crate::control::files::Summary;

/// Reads settings, agents and routes of a folder as if a router started there for the first time.
///
/// # Errors
/// All faults, those of the settings first; files are named from the folder.
pub fn check(folder: &Path) -> Result<Summary, Vec<Fault>> {
    read_through(folder).map_err(|mut faults| {
        for fault in &mut faults {
            let file = Path::new(&fault.file).strip_prefix(folder).ok().filter(|file| *file != Path::new(""));
            fault.file = file.map_or_else(|| fault.file.clone(), |file| file.display().to_string());
        }
        faults
    })
}

fn read_through(folder: &Path) -> Result<Summary, Vec<Fault>> {
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
    let Checked { settings, certificates, .. } = Checked::read(&sources)
        .map_err(|faults| and_others(faults, &sources, |_| Some(Duration::ZERO), &clock))?;
    let mut summary = check_start(&settings, Duration::ZERO, &clock)?;
    summary.warnings.extend(certificates.warnings(clock.now_ms() / 1_000));
    Ok(summary)
}

/// Faults of settings with all that a start would refuse besides: they hide nothing of the files, if it is known where
/// these are. `first` says how long files must have been still, if this is to be a first start; a later one has others to
/// serve.
pub(super) fn and_others(
    mut faults: Vec<Fault>,
    sources: &Sources,
    first: impl FnOnce(&Settings) -> Option<Duration>,
    clock: &Clock,
) -> Vec<Fault> {
    let (settings, of_settings) = Settings::read(sources);
    let is_lost =
        |fault: &settings::Fault| ["routes ", "agents "].iter().any(|key| fault.message.starts_with(key));
    let are_found = settings.config_fault.is_none() && !of_settings.iter().any(is_lost);
    match first(&settings) {
        Some(still) if are_found => {
            faults.extend(check_start(&settings, still, clock).err().into_iter().flatten());
        }
        Some(_) => faults.extend(of_gateways(&settings)),
        // Which accounts there are, only the store of a later start knows.
        None => {}
    }
    faults
}

/// The accounts that gateways and trunks name and that are not there: the only one that a first start has is the first one.
fn of_gateways(settings: &Settings) -> Vec<Fault> {
    let first = AccountId::first();
    let faults = accounts(settings, &first, |account| *account == first).err();
    faults.into_iter().flatten().map(as_fault).collect()
}

/// Tells what a first start would refuse beside the settings themselves: agents and routes of both folders, which must
/// have been `still` for a while, and accounts that gateways and trunks name. Makes nothing of them.
pub(super) fn check_start(
    settings: &Settings,
    still: Duration,
    clock: &Clock,
) -> Result<Summary, Vec<Fault>> {
    let (first, mut faults) = (AccountId::first(), of_gateways(settings));
    let look = Folders::new(settings, still, clock.clone()).look();
    let (needs_endpoints, at) = (settings.calls.default_endpoints.is_empty(), Timestamp(clock.now_ms()));
    let summary = look.and_then(|look| files::check(&look.changed, &first, needs_endpoints, at));
    match summary {
        Ok(summary) if faults.is_empty() => Ok(summary),
        summary => {
            faults.extend(summary.err().into_iter().flatten());
            Err(faults)
        }
    }
}
