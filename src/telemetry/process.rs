//! What the process takes of its machine, as Linux counts it; other systems show nothing.

use std::fs;

use super::TelemetryError;
use super::page::{Family, Kind, Labels, Page};
use super::registry::{Registry, Source};

/// Adds processor time, memory and open files of this process, under the names every Prometheus client uses.
///
/// # Errors
/// When they were added before.
pub fn add_process(registry: &Registry) -> Result<(), TelemetryError> {
    registry.add(Process)
}

struct Process;

const FAMILIES: [Family; 3] = [CPU, MEMORY, FILES];

const CPU: Family = Family {
    name: "process_cpu_seconds_total",
    help: "Processor time spent in user and system mode, in seconds.",
    kind: Kind::Counter,
};
const MEMORY: Family = Family {
    name: "process_resident_memory_bytes",
    help: "Memory that is held resident, in bytes.",
    kind: Kind::Gauge,
};
const FILES: Family =
    Family { name: "process_open_fds", help: "File descriptors that are open.", kind: Kind::Gauge };

/// Unit of the times in `/proc`: fixed at 100 for programs on every architecture that matters, whatever the kernel's.
const TICKS_PER_SECOND: f64 = 100.0;

impl Source for Process {
    fn families(&self) -> &[Family] {
        &FAMILIES
    }

    fn write(&self, page: &mut Page) {
        let none = Labels::none();
        if let Some(ticks) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| cpu_ticks(&text)) {
            page.family(&CPU).line(&none, f64::from(ticks) / TICKS_PER_SECOND);
        }
        if let Some(bytes) =
            fs::read_to_string("/proc/self/status").ok().and_then(|text| resident_bytes(&text))
        {
            page.family(&MEMORY).line(&none, bytes);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // The listing itself holds one open.
            page.family(&FILES).line(&none, (files.count() as u64).saturating_sub(1));
        }
    }
}

/// User and system time of `/proc/self/stat`: fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    user.checked_add(system)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 8 9 20 0";
        assert_eq!(cpu_ticks(stat), Some(175));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn resident_memory_is_told_in_bytes() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_takes_something() {
        let registry = Registry::new();
        add_process(&registry).unwrap();
        let page = registry.page();
        for family in FAMILIES {
            assert!(page.contains(&format!("\n{} ", family.name)), "{} is missing: {page}", family.name);
        }
        assert!(!page.contains("process_resident_memory_bytes 0\n"));
    }
}
