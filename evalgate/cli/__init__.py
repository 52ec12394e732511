"""The command line: a command is one call and an exit."""
