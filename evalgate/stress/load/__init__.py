"""Load: sessions and their calls, and when they arrive. Pure."""
