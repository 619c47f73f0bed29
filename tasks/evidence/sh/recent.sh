# Sets $first, for archive: what was written within the last eight days.
first='-mtime -8'
