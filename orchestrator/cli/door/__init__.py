"""What was typed becomes a typed value: the one room that knows what argparse has parsed.

One function a command, in files that are called as those of `arguments`. Each imports the command's module, and gives
the command with its options, ready to be called; every option has its type from here on.
"""
