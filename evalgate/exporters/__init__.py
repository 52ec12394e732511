"""One file per format that is sent elsewhere."""
