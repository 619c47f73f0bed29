"""How fast Stopgap is, as ratios to the bare ssh client on the same machine, in the same minute."""
