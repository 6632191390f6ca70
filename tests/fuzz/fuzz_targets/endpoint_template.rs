//! The URI of an endpoint with `{agent}`, `{version}`, `{arm}` or `{callId}` in it, and values filled in.

#![no_main]

cordboard_fuzz::target!(endpoint_template);
