"""Calls of tools behind the gateway: recorded, replayed, mocked, refused."""
