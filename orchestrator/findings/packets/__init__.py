"""Captures of a host's packets: flows, questions for names, beacons, and the addresses that the host attacked."""
