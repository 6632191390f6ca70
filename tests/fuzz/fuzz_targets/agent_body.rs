//! Bodies of an agent's resources: drafts and their parts, connectors, deployments, settings.

#![no_main]

cordboard_fuzz::target!(agent_body);
