"""The local server that records, replays, meters and throttles model calls.

May import store, quota and below.
"""
