"""Exit statuses of the scripts that make, undo and settle changes: the one place where the numbers are given out."""

DRIFTED = 76
"""The host is in neither the state before nor the state after the change: drift, nothing was touched."""
REJECTED = 77
"""The test of an activation failed: the daemon was not reloaded and never read the files."""
LOST = 78
"""A settle script found no trace of the rollback timer."""
TAKEN_BACK = 79
"""A settle script came past the deadline: the host has rolled the change back."""
TAKING_BACK_FAILED = 80
"""As TAKEN_BACK, but the undo failed there, or had not ended after some seconds."""
UNCERTAIN = 84
"""The host's state could not be verified: the output lacked a line always present."""
