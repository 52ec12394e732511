"""HTTP services: any method, filtered headers, streams, over real sockets with real clients."""

import json

import httpx2
from gateway.conftest import ModelServer, Scripted, Seen
from gateway.tools.conftest import OpenTools

from evalgate.gateway.sessions import Sessions


def client_of(sessions: Sessions, origin: str) -> tuple[httpx2.Client, object]:
    """Open a session and a client that finds the shop in its variable."""
    session = sessions.open("c")
    environment = session.environment(origin, {}, None, sessions.settings.services)
    return httpx2.Client(base_url=environment["SHOP_BASE_URL"], trust_env=False), session


def orders(seen: Seen) -> Scripted:
    """Answer as a shop would."""
    if seen.path.endswith("/moved"):
        return Scripted(b"", 302, "text/plain", {"location": "/api/orders/1"})
    if seen.path.endswith("/events"):
        return Scripted(content_type="text/event-stream", chunks=(b"data: 1\n\n", b"data: 2\n\n"))
    if seen.path.endswith("/picture"):
        return Scripted(b"\x89PNG\xff\xfe", content_type="image/png")
    said = {"path": seen.path, "query": seen.query, "body": seen.raw.decode()}
    head = {"set-cookie": "a=b", "etag": '"v1"', "x-internal": "1"}
    return Scripted(json.dumps(said).encode(), 200 if seen.raw else 404, headers=head)


def ask(client: httpx2.Client) -> list[tuple[int, bytes, str | None]]:
    """Make every kind of request."""
    answers = [
        client.get("/orders/7%2F8?b=2&a=1", headers={"authorization": "Bearer t", "via": "x"}),
        client.post("/orders", json={"total": 1.0}),
        client.put("/orders/1", content=b"plain", headers={"content-type": "text/plain"}),
        client.delete("/orders/1"),
        client.get("/orders/moved"),
        client.get("/orders/events"),
        client.get("/orders/picture"),
    ]
    return [(a.status_code, a.content, a.headers.get("etag")) for a in answers]


def test_a_service_is_recorded_and_replayed_byte_for_byte(
    open_tools: OpenTools, model: ModelServer
) -> None:
    """The service is down in the replay, and the agent sees what it saw."""
    model.answer = orders
    sessions, origin = open_tools("record", shop=f"{model.origin}/api")
    client, session = client_of(sessions, origin)
    with client:
        live = ask(client)
    recorded = sessions.close(session, duration=1.0)
    assert [404, 200, 200, 404, 302, 200, 200] == [status for status, _, _ in live]
    first = model.seen[0]
    assert ("/api/orders/7/8", "b=2&a=1") == (first.path, first.query)
    assert "Bearer t" == first.headers["authorization"]
    assert "via" not in first.headers
    sessions, origin = open_tools("replay", shop="http://127.0.0.1:9/api")
    again = []
    for _ in range(2):
        client, session = client_of(sessions, origin)
        with client:
            assert live == ask(client)
            moved = client.get("/orders/moved")
        again.append(sessions.close(session))
        assert "not_measured" == again[-1].status, "the second redirection is not recorded"
        assert 502 == moved.status_code
    assert again[0] == again[1]
    assert 7 == len(recorded.steps)
    assert {"span"} == {step.kind for step in recorded.steps}


def test_a_redirection_leads_through_the_gateway(open_tools: OpenTools, model: ModelServer) -> None:
    """Otherwise the next request would go past the recording."""
    model.answer = orders
    sessions, origin = open_tools("record", shop=f"{model.origin}/api")
    client, session = client_of(sessions, origin)
    with client:
        found = client.get("/orders/moved", follow_redirects=True)
    assert f"/s/{session.token}/evalgate/http/shop/orders/1" == found.url.path
    assert "/api/orders/1" == found.json()["path"]
    assert 2 == len(sessions.close(session).steps)


def test_a_changed_body_is_a_miss_with_a_diff(open_tools: OpenTools, model: ModelServer) -> None:
    """Order of fields and of queries do not matter, values do."""
    model.answer = orders
    sessions, origin = open_tools("record", shop=model.origin)
    client, session = client_of(sessions, origin)
    with client:
        client.post("/orders?a=1&b=2", json={"total": 1, "id": "x"})
    sessions.close(session)
    sessions, origin = open_tools("replay", shop=model.origin)
    client, session = client_of(sessions, origin)
    with client:
        same = client.post("/orders?b=2&a=1", json={"id": "x", "total": 1.0})
        assert 200 == same.status_code
        other = client.post("/orders?b=2&a=1", json={"id": "x", "total": 2})
    assert "cassette_miss" == other.json()["error"]["code"]
    outcome = sessions.close(session)
    assert "not_measured" == outcome.status
    assert "total" in (outcome.error or "")


def test_a_service_that_is_down_or_dies_is_named_and_not_recorded(
    open_tools: OpenTools, model: ModelServer
) -> None:
    """The agent gets a 502, the run goes on."""
    sessions, origin = open_tools("record", shop="http://127.0.0.1:9")
    client, session = client_of(sessions, origin)
    with client:
        answer = client.get("/orders")
    assert (502, "tool_unreachable") == (answer.status_code, answer.json()["error"]["code"])
    assert "cannot be reached" in sessions.close(session).steps[0].metadata["error"]
    model.answer = lambda _seen: Scripted(b'{"a": ', cut=True)
    sessions, origin = open_tools("record", shop=model.origin)
    client, session = client_of(sessions, origin)
    with client:
        assert 502 == client.get("/orders").status_code
    assert "broke off and was not recorded" in sessions.close(session).problems[0]


def test_a_mocked_service_needs_none(open_tools: OpenTools) -> None:
    """Answers are declared by method and path; what is not declared is an error."""
    answers = [
        {"when": {"method": "GET", "path": "/orders/1"}, "result": {"id": 1}},
        {"when": {"method": "DELETE", "path": "/orders/1"}, "error": "locked", "status": 423},
    ]
    mock = {"shop": {"answers": answers}}
    sessions, origin = open_tools("replay", shop="http://127.0.0.1:9", policies=mock)
    client, session = client_of(sessions, origin)
    with client:
        assert {"id": 1} == client.get("/orders/1").json()
        locked = client.delete("/orders/1")
        assert (423, "locked") == (locked.status_code, locked.json()["error"])
        unknown = client.get("/orders/2")
    assert (502, "mock_undeclared") == (unknown.status_code, unknown.json()["error"]["code"])
    outcome = sessions.close(session)
    assert outcome.status is None
    assert "/orders/2" in outcome.problems[0]
