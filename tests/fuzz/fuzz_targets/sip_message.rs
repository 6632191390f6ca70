//! A datagram or the beginning of a stream that comes in by SIP.

#![no_main]

cordboard_fuzz::target!(sip_message);
