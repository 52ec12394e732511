"""A forward proxy refuses calls to models, names them, and passes everything else on."""

import asyncio
from base64 import b64encode

import pytest

from evalgate.gateway.direct_calls import is_provider, refuse_direct_calls

REFUSED = b"HTTP/1.1 403 Refused"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.openai.com", True),
        ("API.OpenAI.com.", True),
        ("mine.openai.azure.com", True),
        ("bedrock-runtime.eu-west-1.amazonaws.com", True),
        ("models.example", True),
        ("api.weather.example", False),
        ("notapi.openai.com.example", False),
        ("127.0.0.1", False),
    ],
)
def test_hosts_of_models(host: str, *, expected: bool) -> None:
    """Known providers, hosts below them, and those of the configured upstreams."""
    assert expected == is_provider(host, ["models.example"])


def _through(requests: list[bytes]) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Send each request through the proxy; `PORT` stands for that of a server that echoes."""
    noted: list[tuple[str, str]] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"echo " + await reader.readline())
        await writer.drain()
        writer.close()

    async def one(port: int, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer

    async def all_of_them() -> list[bytes]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        far = str(server.sockets[0].getsockname()[1]).encode()
        upstreams = ["https://models.example/v1"]
        async with refuse_direct_calls(lambda *call: noted.append(call), upstreams) as port:
            answers = [await one(port, request.replace(b"PORT", far)) for request in requests]
        server.close()
        return answers

    return asyncio.run(asyncio.wait_for(all_of_them(), 20)), noted


def test_a_call_to_a_model_is_refused_and_named_and_others_pass() -> None:
    """By host; whoever says who it is, is named; what is no CONNECT gets an answer too."""
    login = b64encode(b"token-1:x")
    answers, noted = _through(
        [
            b"CONNECT api.openai.com:443 HTTP/1.1\r\nProxy-Authorization: Basic "
            + login
            + b"\r\n\r\n",
            b"CONNECT models.example:443 HTTP/1.1\r\n\r\n",
            b"CONNECT 127.0.0.1:PORT HTTP/1.1\r\n\r\nhello\n",
            b"GET http://x.example/ HTTP/1.1\r\n\r\n",
            b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
            b"\x00\xff nonsense\r\n\r\n",
        ]
    )
    assert [("token-1", "api.openai.com"), ("", "models.example")] == noted
    assert answers[0].startswith(REFUSED)
    assert b"a direct call to api.openai.com goes past the gateway" in answers[0]
    assert answers[1].startswith(REFUSED)
    assert b"HTTP/1.1 200 Connection established\r\n\r\necho hello\n" == answers[2]
    assert [b"405", b"502", b"405"] == [answer.split(b" ")[1] for answer in answers[3:]]
