-- Format 5: what put a version into an environment, and what else an agent has. `spec` is the JSON of a domain type.
CREATE TABLE deployment (
  place INTEGER PRIMARY KEY, -- in the order in which they were made
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  environment TEXT NOT NULL,
  id BLOB NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (agent, id)
) STRICT;
CREATE INDEX deployment_by_environment ON deployment (agent, environment);

-- What an environment pointed to was put there nobody knows when: its version's time stands for it, also in the id,
-- which is a UUID of version 7.
INSERT INTO deployment (agent, environment, id, spec)
  SELECT e.agent, e.name,
    unhex(printf('%012x', v.created_at) || '7' || substr(hex(randomblob(2)), 1, 3) || '8' || substr(hex(randomblob(8)), 1, 15)),
    json_object('environment', e.name, 'version', e.version, 'kind', 'publish', 'createdBy', v.author, 'createdAt',
      strftime('%Y-%m-%dT%H:%M:%S', v.created_at / 1000, 'unixepoch') || printf('.%03dZ', v.created_at % 1000))
  FROM environment e JOIN version v ON v.agent = e.agent AND v.number = e.version;
UPDATE deployment SET spec = json_set(spec, '$.id', lower(
  substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' ||
  substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)));

CREATE TABLE serving (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  deployment INTEGER NOT NULL, -- its place
  PRIMARY KEY (agent, name)
) STRICT, WITHOUT ROWID;
INSERT INTO serving (agent, name, deployment) SELECT agent, environment, place FROM deployment;
DROP TABLE environment;
ALTER TABLE serving RENAME TO environment;

-- Branches, connectors and real-time configs.
CREATE TABLE part (
  agent INTEGER NOT NULL REFERENCES agent (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (agent, kind, name)
) STRICT, WITHOUT ROWID;
