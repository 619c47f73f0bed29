"""Exchange with other tools: playbooks, findings and events in the formats that other tools read."""
