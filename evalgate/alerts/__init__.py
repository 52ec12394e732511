"""Alerts: who is told what, as pure payloads; only `deliver` sends them.

May import store and below.
"""
