//! `If-None-Match` of configurations.

#![no_main]

cordboard_fuzz::target!(if_none_match);
