"""The lab: real Debian hosts in network namespaces of one machine, driven by `scripts/lab`."""
