//! A server in a process of its own: started, measured from outside, ended.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};

/// A running server; ended when dropped.
pub struct Server(Child);

impl Server {
    /// Starts a command; what it says is not shown, except that it fails.
    ///
    /// # Errors
    /// There is no such program.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Processor time of the process and its children so far, in microseconds: user and system, in steps of 10 ms.
    pub fn cpu_us(&self) -> f64 {
        family(self.0.id()).into_iter().filter_map(ticks).map(|ticks| ticks as f64 * 10_000.0).sum()
    }

    /// The most memory it has held at once, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    /// The memory it holds now, in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.memory_mib("VmRSS:")
    }

    fn memory_mib(&self, which: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(which));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kib.unwrap_or_default() / 1_024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server with children of its own is to end them, so it is asked first.
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

fn family(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        let path = format!("/proc/{parent}/task/{parent}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        at += 1;
    }
    all
}

/// User and system time; the kernel always counts them in hundredths of a second here.
fn ticks(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
