//! `If-Match` of changes by the management API.

#![no_main]

cordboard_fuzz::target!(if_match);
