"""Fails when a metric got worse: the second step of a job whose first one is pytest."""

import sys

from evalgate.cli.main import entry

entry(["compare", *sys.argv[1:]])
