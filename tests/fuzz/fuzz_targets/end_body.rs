//! The body of `POST /v1/calls/{callId}/end`.

#![no_main]

cordboard_fuzz::target!(end_body);
