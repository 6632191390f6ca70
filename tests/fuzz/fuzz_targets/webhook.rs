//! Requests to `/gateways/kamailio/{trunk}`.

#![no_main]

cordboard_fuzz::target!(webhook);
