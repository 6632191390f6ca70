//! Route files cut at their tables, against the same files read whole.

#![no_main]

cordboard_fuzz::target!(cut);
