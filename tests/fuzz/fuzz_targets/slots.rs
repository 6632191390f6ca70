//! Weights, and who owns which slot.

#![no_main]

cordboard_fuzz::target!(slots);
