"""What is measured: each metric's name, unit, direction and default gate. Pure.

May import text and schema.
"""
