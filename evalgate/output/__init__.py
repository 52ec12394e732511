"""Printers of a report; they never decide."""
