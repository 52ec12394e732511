"""The command line: a command is one call and an exit. May import commands and below."""
