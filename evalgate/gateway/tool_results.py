"""What a tool's answer says: its text, and whether it failed."""

import json
import re

from evalgate.gateway.wire.base import CalledTool, ToolResult, as_body
from evalgate.schema.base import Json
from evalgate.text.failures import says_failed
from evalgate.text.tame_json import is_plain

_TIMEOUT = re.compile(r"time[d -]?\s?out|deadline exceeded", re.IGNORECASE)
_SHOWN = 2000
"""Characters in which words are looked for."""


def arguments_of(tool: CalledTool) -> dict[str, Json] | str:
    """Return the arguments as an object, or as the text that is none."""
    if isinstance(tool.arguments, dict):
        return tool.arguments
    if tool.free_text:
        return {"input": tool.arguments}
    if not tool.arguments.strip():
        return {}
    if not is_plain(tool.arguments):
        return tool.arguments
    value = json.loads(tool.arguments)
    return value if isinstance(value, dict) else tool.arguments


def content_of(result: ToolResult) -> Json:
    """Return the result; a list of text blocks as one text."""
    content = result.content
    if isinstance(content, list):
        texts = [as_body(part).get("text") for part in content]
        if texts and all(isinstance(text, str) for text in texts):
            return "\n".join(str(text) for text in texts)
    return content


def error_of(result: ToolResult) -> str | None:
    """Say whether a result is a failure: `timeout`, `error`, or None.

    OpenAI's protocol has no mark for it, so the usual forms are read: an object with a truthy
    `error`, `is_error`, `status: error`, `success: false`; a text that begins like an error.
    """
    content = content_of(result)
    text = content if isinstance(content, str) else json.dumps(content)
    if not (result.failed or says_failed(content)):
        return None
    return "timeout" if _TIMEOUT.search(text[:_SHOWN]) else "error"
