"""A guest's ports on its hypervisor: found, parted from the segment, counted."""
