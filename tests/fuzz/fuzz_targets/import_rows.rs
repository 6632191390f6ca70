//! Bodies of `POST /v1/numbers:import`, in pieces.

#![no_main]

cordboard_fuzz::target!(import_rows);
