"""Decides: compares two run summaries and turns checks into one verdict. Pure."""
