//! Tokens of decisions.

#![no_main]

cordboard_fuzz::target!(token);
