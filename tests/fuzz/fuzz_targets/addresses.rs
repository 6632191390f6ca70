//! Numbers, SIP users, callers, prefixes, ids and times, wherever they are named.

#![no_main]

cordboard_fuzz::target!(addresses);
