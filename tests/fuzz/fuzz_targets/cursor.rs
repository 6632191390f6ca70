//! The cursors of lists.

#![no_main]

cordboard_fuzz::target!(cursor);
