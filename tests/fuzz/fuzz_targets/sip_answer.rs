//! What comes back to an `OPTIONS` of ours, as a datagram and in a stream.

#![no_main]

cordboard_fuzz::target!(sip_answer);
