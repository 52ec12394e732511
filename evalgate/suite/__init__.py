"""What is run: a suite resolved from its configuration, its plan, and its agent's surroundings.

May import agents, gateway, scorers, store and below.
"""
