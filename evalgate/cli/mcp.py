"""`evalgate mcp`."""

import click

EPILOG = """\b
Example, in the configuration of an agent that starts its MCP servers as commands:
  {"mcpServers": {"shop": {"command": "evalgate", "args": ["mcp", "shop"]}}}
"""


@click.command(epilog=EPILOG)
@click.argument("name")
def mcp(name: str) -> None:
    """Stand for the MCP server NAME of a run, over stdio.

    The agent starts it as it would start the server; every message goes to the gateway.
    """
    import os  # noqa: PLC0415  # light help
    import sys  # noqa: PLC0415

    from evalgate.agents.mcp_stdio import serve_stdio, url_of  # noqa: PLC0415

    serve_stdio(url_of(name, os.environ), sys.stdin.buffer, sys.stdout.buffer)
