"""The HTML report: one file that needs no server and loads nothing."""
