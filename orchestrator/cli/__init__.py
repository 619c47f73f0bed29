"""The command line: the only place that prints."""


def main() -> int:
    """Run one command; gives the exit status."""
    return 0
