//! The nouns and rules that every room shares: pure, synchronous, no input or output.
