"""One file per provider protocol."""
