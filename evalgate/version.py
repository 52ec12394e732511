"""The version of evalgate, and where it is kept."""

VERSION = "0.1.0"

REPOSITORY = "OWNER/agent-evalgate"
"""Its repository on GitHub; every page, template, workflow and schema names this one."""
