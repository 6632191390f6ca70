-- Format 4: what the API has although the files in force list it. `object` is the JSON of a domain type.
CREATE TABLE shadowed (
  account TEXT NOT NULL,
  object TEXT NOT NULL,
  PRIMARY KEY (account, object)
) STRICT, WITHOUT ROWID;
