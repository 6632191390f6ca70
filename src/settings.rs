//! Settings as written and as meant, and folder watching.
