"""Simulated users: what one is told, when it ends a conversation, and when it left its script.

May import text and schema.
"""
