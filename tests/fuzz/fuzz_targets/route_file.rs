//! A file of `routes/`, beside the agents of the example.

#![no_main]

cordboard_fuzz::target!(route_file);
