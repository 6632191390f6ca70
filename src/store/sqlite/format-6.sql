-- Format 6: which lines of the log are about which agent: about itself, its drafts, versions and environments.
CREATE TABLE agent_log (
  account TEXT NOT NULL,
  agent TEXT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (account, agent, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO agent_log (account, agent, revision)
  SELECT DISTINCT fact.value ->> 'account', fact.value ->> 'agent', log.revision
  FROM log, json_each(log.changes) AS fact
  WHERE fact.value ->> 'change' IN ('agentPut', 'agentRemoved', 'draftPut', 'versionSaved', 'environmentSet');
