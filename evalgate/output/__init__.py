"""Printers of a report; they never decide. May import store and below."""
