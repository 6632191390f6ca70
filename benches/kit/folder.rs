//! A configuration folder of any size, written as an operator would.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

const NUMBERS_PER_FILE: u64 = 10_000;
const AGENTS: u64 = 1_000;
const VERSIONS: u64 = 10;

/// Writes a folder of so many numbers.
///
/// # Errors
/// A file could not be written.
pub fn write(numbers: u64, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("routes"))?;
    fs::write(folder.join("cordboard.toml"), "# Every setting is at its default.\n")?;
    for agent in 0..AGENTS {
        write_agent(&folder.join(format!("agents/agent-{agent}")), agent)?;
    }
    fs::write(folder.join("routes/splits.toml"), splits())?;
    for file in 0..numbers.div_ceil(NUMBERS_PER_FILE) {
        let first = file * NUMBERS_PER_FILE;
        let text = numbers_text(first, numbers.min(first + NUMBERS_PER_FILE));
        fs::write(folder.join(format!("routes/numbers-{file:05}.toml")), text)?;
    }
    Ok(())
}

fn write_agent(folder: &Path, agent: u64) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = format!(
        "name = \"Agent {agent}\"\n\
         endpoints = [{{ uri = \"sip:{{agent}}.v{{version}}@127.0.0.1:5060\" }}]\n\n\
         [environments]\nlive = \"V1\"\n"
    );
    fs::write(folder.join("agent.toml"), text)?;
    for version in 1..=VERSIONS {
        let text = format!(
            "name = \"Agent {agent}\"\n\n[instructions]\nsystemPrompt = \"You are agent {agent}, version {version}.\"\n"
        );
        fs::write(folder.join(format!("V{version}.toml")), text)?;
    }
    Ok(())
}

fn splits() -> String {
    let mut text = String::new();
    for k in (0..AGENTS).step_by(10) {
        let _ = writeln!(text, "[[split]]\nid = \"split-{k}\"\narms = [");
        for (arm, version, weight) in [("a", 1, 50), ("b", 2, 25), ("c", 3, 25)] {
            let _ = writeln!(
                text,
                "  {{ id = \"{arm}\", agent = \"agent-{k}\", pin = \"V{version}\", weight = {weight} }},"
            );
        }
        text.push_str("]\n\n");
    }
    text
}

fn numbers_text(first: u64, end: u64) -> String {
    let mut text = String::new();
    for i in first..end {
        let _ = writeln!(text, "[[number]]\nnumber = \"+{}\"", 14_000_000_000 + 7 * i);
        let _ = if i % 10 == 0 {
            writeln!(text, "split = \"split-{}\"\n", i % AGENTS)
        } else {
            writeln!(text, "agent = \"agent-{}\"\npin = \"V{}\"\n", i % AGENTS, i % 9 + 1)
        };
    }
    text
}
