"""Collection of evidence: artifacts, profiles and the tasks that read a host."""
