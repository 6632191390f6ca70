-- Format 2: callers pinned by hand. `caller` is `+` and digits, or a SIP user; the log never holds it.
CREATE TABLE caller_pin (
  account TEXT NOT NULL,
  agent TEXT NOT NULL,
  caller TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (account, agent, caller)
) STRICT, WITHOUT ROWID;
