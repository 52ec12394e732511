"""Commands for what happens after the merge."""
