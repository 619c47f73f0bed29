"""A team's journal: records and locks in PostgreSQL, with a copy of each machine's own runs beside it."""
