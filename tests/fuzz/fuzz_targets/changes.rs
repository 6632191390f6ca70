//! Bodies of `POST /v1/plan` and `POST /v1/apply`.

#![no_main]

cordboard_fuzz::target!(changes);
