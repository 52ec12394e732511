"""langchain-mcp-adapters: the server's tools as tools of LangChain."""

from typing import Any

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from loop import answer_lines


async def use(server: dict[str, Any]) -> dict[str, Any]:
    """List the tools, call them, and let one fail."""
    transport = "streamable_http" if "url" in server else "stdio"
    client = MultiServerMCPClient({"shop": {**server, "transport": transport}})
    async with client.session("shop") as session:
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        stock = await tools["stock"].ainvoke({"item": "pen"})
        counted = await tools["count"].ainvoke({"upto": 3})
        failed = await tools["fail"].ainvoke({})
    said = [part["text"] for part in [*stock, *counted]]
    return {"tools": sorted(tools), "said": said, "failed": failed[0]["text"]}


answer_lines(use)
