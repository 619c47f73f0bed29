"""Traffic blocks at the router upstream of a host."""
