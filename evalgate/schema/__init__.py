"""Everything that is written down, versioned: frozen models and their JSON Schemas.

May import errors alone.
"""
