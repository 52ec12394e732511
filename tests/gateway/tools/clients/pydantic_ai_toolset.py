"""pydantic-ai: a server as a toolset of its agents."""

import json
from typing import Any

from fastmcp.client.transports import StdioTransport
from loop import answer_lines
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.mcp import MCPToolset


async def use(server: dict[str, Any]) -> dict[str, Any]:
    """List the tools, call them, and let one fail."""
    async with MCPToolset(server.get("url") or StdioTransport(**server)) as shop:
        tools = sorted(tool.name for tool in await shop.list_tools())
        stock = await shop.direct_call_tool("stock", {"item": "pen"})
        counted = await shop.direct_call_tool("count", {"upto": 3})
        try:
            failed = str(await shop.direct_call_tool("fail", {}))
        except ModelRetry as error:
            failed = str(error)
    return {"tools": tools, "said": [json.dumps(stock), str(counted)], "failed": failed}


answer_lines(use)
