//! Laws of the files.
