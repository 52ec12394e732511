"""The quota model of simulator, gateway and governor: limits, limiters, provider profiles. Pure.

May import errors alone.
"""
