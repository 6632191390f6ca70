//! A target's URI with placeholders, and what is filled in.

#![no_main]

cordboard_fuzz::target!(endpoint_template);
