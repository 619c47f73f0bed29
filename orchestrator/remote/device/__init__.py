"""Network devices with a command line of their own and no shell, driven by netmiko over our SSH."""
