//! A whole connection to the call plane, from its first byte.

#![no_main]

cordboard_fuzz::target!(call_connection);
