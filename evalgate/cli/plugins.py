"""`evalgate plugins`."""

import click


@click.command()
def plugins() -> None:
    """List what is built in and installed, by kind, and what cannot be loaded."""
    from evalgate.registry import listed  # noqa: PLC0415  # heavy
    from evalgate.text.escape import terminal  # noqa: PLC0415

    for plugin in listed():
        state = f"  cannot be loaded: {plugin.error}" if plugin.error else ""
        line = f"{plugin.group:10} {plugin.name:16} {plugin.target}  ({plugin.source}){state}"
        click.echo(terminal(line))
