"""Results over time: runs and production in one database, and what their series say.

Only `store` and `migrations` touch the database; the rest is pure. May import `store` and what
lies below it.
"""
