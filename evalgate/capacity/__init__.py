"""The rate-limit model in virtual time."""
