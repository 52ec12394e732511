"""The warehouse: an MCP server over stdio, by the official SDK."""

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("warehouse")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def stock(item: str) -> dict[str, int]:
    """Say how many of an item are left."""
    return {"left": {"cup": 4, "pen": 120}.get(item, 0)}


if __name__ == "__main__":
    server.run()
