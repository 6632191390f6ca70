//! `agent.toml`, `draft.toml` and `V<n>.toml`.

#![no_main]

cordboard_fuzz::target!(agent_files);
