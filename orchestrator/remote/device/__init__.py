"""Network devices that have a command line of their own and no shell, talked to by netmiko over our SSH."""
