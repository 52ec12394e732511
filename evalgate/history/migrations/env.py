"""What alembic runs: the migrations, on the connection that `store` holds open."""


def migrate() -> None:
    """Run the migrations that are missing."""
    from alembic import context  # noqa: PLC0415  # an extra

    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # alembic's name for this file
    migrate()
