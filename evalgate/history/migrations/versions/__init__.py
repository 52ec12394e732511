"""Migrations of the history, run by alembic."""
