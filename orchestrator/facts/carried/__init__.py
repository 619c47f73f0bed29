"""Programs that a host is sent as they are, for Python from 3.6 on."""
