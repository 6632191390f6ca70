//! HTTP server kit: knows nothing of calls.
