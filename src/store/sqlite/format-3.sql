-- Format 3: numbers that come by the million. They are laid ready in pieces, each in a commit of its own; the commit that
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
