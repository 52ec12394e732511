"""An MCP server over stdio that passes every message to the gateway's; standard library only.

For agents that start their servers as commands: `evalgate mcp NAME` in the place of the command.
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO
from urllib.parse import urlsplit

from evalgate.errors import ConfigError

_THREADS = 32


def url_of(name: str, environ: Mapping[str, str]) -> str:
    """Find the gateway's URL of a server.

    Raises:
        ConfigError: This is no run, or the run has no server of that name.
    """
    variable = f"{name.upper().replace('-', '_')}_MCP_URL"
    url = environ.get(variable)
    if not url:
        raise ConfigError(
            f"{variable} is not set: no run of evalgate has an MCP server {name!r} here",
            fix="start the agent by `evalgate run`, with `gateway: {mcp: {NAME: ...}}`, and let it "
            f"pass {variable} on to its servers",
        )
    return url


def serve_stdio(url: str, said: Iterable[bytes], out: IO[bytes]) -> None:
    """Pass messages on until the input ends.

    Args:
        url: The gateway's URL of the server.
        said: Lines of the client, one message each.
        out: Where answers go.
    """
    lock = threading.Lock()

    def tell(message: bytes) -> None:
        with lock:
            out.write(message + b"\n")
            out.flush()

    def passed(line: bytes) -> None:
        try:
            _post(url, line, tell)
        except (OSError, http.client.HTTPException) as error:
            number = _number(line)
            if number is not None:
                told = {"code": -32000, "message": f"evalgate: the gateway is gone ({error})"}
                tell(json.dumps({"jsonrpc": "2.0", "id": number, "error": told}).encode())

    with ThreadPoolExecutor(_THREADS, "evalgate-mcp") as pool:
        for line in said:
            if line.strip():
                pool.submit(passed, line)


def _number(line: bytes) -> object:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message.get("id") if isinstance(message, dict) and "method" in message else None


def _post(url: str, line: bytes, tell: Callable[[bytes], None]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }
    try:
        connection.request("POST", parts.path, line.strip(), headers)
        answer = connection.getresponse()
        if answer.headers.get_content_type() == "text/event-stream":
            for row in answer:
                if row.startswith(b"data: "):
                    tell(row[6:].strip())
            return
        body = answer.read().strip()
        if body:
            tell(body)
    finally:
        connection.close()
