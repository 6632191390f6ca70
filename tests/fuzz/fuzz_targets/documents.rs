//! Documents of `POST /v1/import` and `POST /v1/agents/import`.

#![no_main]

cordboard_fuzz::target!(documents);
