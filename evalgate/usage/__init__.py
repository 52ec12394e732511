"""What model calls used: any provider's counts as parts that do not overlap.

May import text and schema.
"""
