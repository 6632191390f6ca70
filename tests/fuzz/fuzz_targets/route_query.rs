//! The query of `GET /v1/route`.

#![no_main]

cordboard_fuzz::target!(route_query);
