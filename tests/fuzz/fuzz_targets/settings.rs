//! `cordboard.toml`.

#![no_main]

cordboard_fuzz::target!(settings);
