//! The body of `POST /v1/calls`.

#![no_main]

cordboard_fuzz::target!(call_body);
