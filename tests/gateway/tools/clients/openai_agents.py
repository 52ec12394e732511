"""The OpenAI Agents SDK: a server as its agents are given one."""

from typing import Any

from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp
from loop import answer_lines


async def use(server: dict[str, Any]) -> dict[str, Any]:
    """List the tools, call them, and let one fail."""
    made: MCPServer
    if "url" in server:
        made = MCPServerStreamableHttp(params=server, client_session_timeout_seconds=30)
    else:
        made = MCPServerStdio(params=server, client_session_timeout_seconds=30)
    async with made as shop:
        tools = sorted(tool.name for tool in await shop.list_tools())
        stock = await shop.call_tool("stock", {"item": "pen"})
        counted = await shop.call_tool("count", {"upto": 3})
        failed = await shop.call_tool("fail", {})
    said = [part.text for part in [*stock.content, *counted.content]]
    return {"tools": tools, "said": said, "failed": failed.content[0].text}


answer_lines(use)
