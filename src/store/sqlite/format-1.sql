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

-- What was put into an environment, ever, and what serves there now.
CREATE TABLE deployment (
  place INTEGER PRIMARY KEY, -- in the order in which they were made
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  environment TEXT NOT NULL,
  id BLOB NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (agent, id)
) STRICT;
CREATE INDEX deployment_by_environment ON deployment (agent, environment);
CREATE TABLE environment (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  deployment INTEGER NOT NULL, -- its place
  PRIMARY KEY (agent, name)
) STRICT, WITHOUT ROWID;

-- Branches, connectors and real-time configs.
CREATE TABLE part (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (agent, kind, name)
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

-- Callers pinned by hand. `caller` is `+` and digits, or a SIP user; the log never holds it.
CREATE TABLE caller_pin (
  account TEXT NOT NULL,
  agent TEXT NOT NULL,
  caller TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (account, agent, caller)
) STRICT, WITHOUT ROWID;

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

-- What the API has although the files in force list it. `object` is the JSON of a domain type.
CREATE TABLE shadowed (
  account TEXT NOT NULL,
  object TEXT NOT NULL,
  PRIMARY KEY (account, object)
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

-- Numbers that come by the million. They are laid ready in pieces, each in a commit of its own; the commit that
-- brings them into force writes its revision here, and nothing else of them. From then on they go before the rows of
-- `phone` and `sip_user`, until they have been folded into these; but not for numbers that were changed in between.
CREATE TABLE import (
  id INTEGER PRIMARY KEY,
  revision INTEGER UNIQUE, -- null: not in force
  pieces INTEGER NOT NULL DEFAULT 0,
  folded INTEGER NOT NULL DEFAULT 0 -- of the pieces, how many
) STRICT;

-- What an import says in the log: `changes` is the JSON of numbers and their routes.
CREATE TABLE import_piece (
  id INTEGER PRIMARY KEY,
  import INTEGER NOT NULL REFERENCES import (id) ON DELETE CASCADE,
  place INTEGER NOT NULL, -- from 0
  changes TEXT NOT NULL,
  UNIQUE (import, place)
) STRICT;

-- Numbers that were changed while an import in force was not folded whole.
CREATE TABLE changed_phone (number INTEGER PRIMARY KEY) STRICT;
CREATE TABLE changed_user (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- Which lines of the log are about which agent: about itself, its drafts, versions, environments and other parts.
CREATE TABLE agent_log (
  account TEXT NOT NULL,
  agent TEXT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (account, agent, revision)
) STRICT, WITHOUT ROWID;
