//! Metrics, logs and the clock: knows nothing of calls.
