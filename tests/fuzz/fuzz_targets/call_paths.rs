//! Paths of the call plane, and a call's id in one.

#![no_main]

cordboard_fuzz::target!(call_paths);
