-- Format 1. Columns named `spec` hold the JSON of a domain type.
PRAGMA application_id = 1131377252; -- "Cord"

CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  files BLOB -- fingerprint of the files that were applied last
) STRICT;
INSERT INTO head (id, revision) VALUES (1, 0);

CREATE TABLE account (
  place INTEGER PRIMARY KEY, -- in the order in which they were made: the first is the instance's own
  id TEXT NOT NULL UNIQUE,
  spec TEXT NOT NULL
) STRICT;

CREATE TABLE key (
  digest BLOB PRIMARY KEY,
  spec TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (account, name)
) STRICT;

-- Equal texts once, however many rows point to them. No foreign keys point here: none of the tables that do has an
-- index to check them by. What nobody points to any more is swept when the present is loaded.
CREATE TABLE dispatch (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, spec TEXT NOT NULL) STRICT;
CREATE TABLE route (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, spec TEXT NOT NULL) STRICT;

CREATE TABLE version (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  hash BLOB NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  author TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  dispatch INTEGER NOT NULL,
  PRIMARY KEY (agent, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE draft (
  place INTEGER PRIMARY KEY, -- an agent's last one is its draft, those before it have served
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  hash BLOB NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  author TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  dispatch INTEGER NOT NULL
) STRICT;
CREATE INDEX draft_by_agent ON draft (agent);

CREATE TABLE environment (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (agent, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE phone (number INTEGER PRIMARY KEY, route INTEGER NOT NULL) STRICT;
CREATE TABLE sip_user (name TEXT PRIMARY KEY, route INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE prefix (
  account TEXT NOT NULL,
  prefix TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (account, prefix)
) STRICT, WITHOUT ROWID;

CREATE TABLE default_route (account TEXT PRIMARY KEY, spec TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE split (
  account TEXT NOT NULL,
  id TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE split_calls (
  account TEXT NOT NULL,
  split TEXT NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (account, split),
  FOREIGN KEY (account, split) REFERENCES split (account, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE body (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content BLOB NOT NULL) STRICT;

-- `changes` stands last, so that a history of lines never reads past them.
CREATE TABLE log (
  revision INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  account TEXT NOT NULL,
  author TEXT NOT NULL,
  actor TEXT,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  summary TEXT NOT NULL,
  changes TEXT NOT NULL
) STRICT;
CREATE INDEX log_by_account ON log (account);
CREATE INDEX log_by_target ON log (account, target);
