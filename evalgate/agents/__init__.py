"""How a suite's agent is run, and the only place where trials are scheduled.

May import store and below.
"""
