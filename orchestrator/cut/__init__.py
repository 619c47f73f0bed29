"""A cut without an inventory and without a runbook: both are made of a few addresses, then run as any other."""
