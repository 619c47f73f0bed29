"""Sessions carried by ssh(1) of this machine, with the settings, proxies, tickets and devices that ssh(1) knows."""
