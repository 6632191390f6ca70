//! A whole connection to the management API, from its first byte.

#![no_main]

cordboard_fuzz::target!(management_connection);
