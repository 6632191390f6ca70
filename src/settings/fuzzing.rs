//! The law of `cordboard.toml`: every fault stands in the file, and whatever is wrong with it, settings are within bounds.

#![expect(clippy::indexing_slicing, reason = "a law fails by a panic")]

use std::path::Path;
use std::time::Duration;

use super::gateways::GATEWAYS_MAX;
use super::networks::NETWORKS_MAX;
use super::trunks::Kind;
use super::written::Written;
use super::{Fault, Settings, Sources};

const NAME: &str = "config/cordboard.toml";

pub(crate) fn law(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (settings, faults) = read(text);
    for fault in &faults {
        stands(fault, text);
    }
    bounded(&settings);
    if faults.is_empty() {
        // A line's end and a comment mean nothing.
        let (again, faults) = read(&format!("{text}\n# a comment\n"));
        assert_eq!(faults, []);
        assert_eq!(format!("{again:?}"), format!("{settings:?}"));
    }
}

fn read(text: &str) -> (Settings, Vec<Fault>) {
    let (written, mut faults) = Written::read(NAME, text, &Sources::default());
    let settings = Settings::meant(&written, Path::new("config"), &mut faults);
    (settings, faults)
}

fn stands(fault: &Fault, text: &str) {
    assert!(fault.file == NAME && !fault.message.is_empty() && !fault.expected.is_empty(), "{fault:?}");
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&(fault.line as usize)), "{fault:?} of {} lines", lines.len());
    let chars = lines[fault.line as usize - 1].chars().count() + 1;
    assert!((1..=chars).contains(&(fault.column as usize)), "{fault:?} of {chars} characters");
}

fn bounded(settings: &Settings) {
    let limits = &settings.limits;
    assert!((1_024..=1 << 20).contains(&limits.header_bytes_max));
    assert!((1_024..=16 << 20).contains(&limits.body_bytes_max));
    let seconds = Duration::from_secs(1)..=Duration::from_secs(300);
    assert!(seconds.contains(&limits.header_time) && seconds.contains(&limits.body_time));
    assert!(settings.token.time <= Duration::from_secs(24 * 3_600));
    assert!(
        settings.calls.default_endpoints.iter().all(|endpoint| endpoint.priority.max(endpoint.weight) <= 100)
    );
    let gateways: Vec<_> = settings.gateways.iter().collect();
    assert!((1..=GATEWAYS_MAX).contains(&gateways.len()));
    for (ix, gateway) in gateways {
        assert_eq!(settings.gateways.named(&gateway.name), Some(ix));
        assert!(gateway.networks.len() <= NETWORKS_MAX);
        // The list of another may be narrower there.
        assert!(gateway.networks.iter().all(|network| settings.gateways.of(network.addr()).is_some()));
    }
    let trunks = &settings.trunks;
    // One more where nobody wrote it.
    assert!(settings.gateways.iter().count() + trunks.iter().count() <= GATEWAYS_MAX + 1);
    assert!(trunks.of_kind(Kind::Sip).next().is_some());
    for trunk in trunks.iter() {
        assert!(trunk.networks.len() <= NETWORKS_MAX && trunk.strip_prefix.len() <= 16);
        assert!(trunk.networks.iter().all(|network| trunks.of(trunk.kind, network.addr()).is_some()));
    }
}
