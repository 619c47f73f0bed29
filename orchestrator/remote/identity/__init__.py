"""The operator's keys: read from files, or held by the agent, in the order in which a login offers the keys."""
