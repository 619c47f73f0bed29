"""Every driver meets every kind of packet, in the lab: before a block, under it, after each way that it can end."""
