//! An agent's configuration, as JSON and as TOML.

#![no_main]

cordboard_fuzz::target!(agent_config);
