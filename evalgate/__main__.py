"""`python -m evalgate`."""

from evalgate.cli.main import entry

entry()
