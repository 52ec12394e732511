"""Capacity: what to reserve, and what each change would buy. Pure."""
