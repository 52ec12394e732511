"""Planted secrets in forty forms: no file that evalgate writes and no stream holds one."""

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from support.cli import Cli

KEY = 'pl4nted "key"/with+signs&7731'
PLAIN = "Zx81plantedPlainToken4477"
PEM_LINES = [f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw{n}" + "aB3x" * 7 for n in range(3)]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *PEM_LINES, "-----END PRIVATE KEY-----"])
ACCOUNT = json.dumps({"client_email": "a@b.example", "private_key": PEM})

VARIABLES = {
    "SERVICE_API_KEY": KEY,
    "DEPLOY_TOKEN": PLAIN,
    "SMTP_PASS": "smtpPassW0rd99",
    "DB_PWD": "dbpwd-77-x1y2",
    "PGPASS": "pgpass8842zz",
    "QUEUE_CONNECTION_STRING": "Endpoint=sb://q.example;Password=Qp81zz77yy;X=1",
    "SESSION_JWT": "not.a.jwt.shape.9981aa",
    "DATABASE_URL": "postgres://app:dbUrlSecret51@db.example/x",
    "SIGNING_SECRET": PEM,
    "ACCOUNT_CREDENTIALS": ACCOUNT,
}


def _json(text: str, times: int, *, ascii_only: bool = True) -> str:
    for _ in range(times):
        text = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    return text


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "plain": KEY,
    "json": _json(KEY, 1),
    "json in json": _json(KEY, 2),
    "json in json in json": _json(KEY, 3),
    "repr": repr(KEY)[1:-1],
    "html": html.escape(KEY),
    "slashes escaped": KEY.replace("/", "\\/"),
    "url": quote(KEY, safe=""),
    "url with slashes": quote(KEY),
    "form": quote_plus(KEY),
    "url in lower case": quote(KEY, safe="").lower().replace("pl4nted", "pl4nted"),
    "url twice": quote(quote(KEY, safe=""), safe=""),
    "base64": _b64(KEY),
    "base64 for urls": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "base64 of user and key": _b64(f"user:{KEY}"),
    "base64, second alignment": _b64(f"u{KEY}x"),
    "base64, third alignment": _b64(f"us{KEY}xy"),
    "hex": KEY.encode().hex(),
    "hex in capitals": KEY.encode().hex().upper(),
    "another variable": PLAIN,
    "another in base64": _b64(PLAIN),
    "another in hex": PLAIN.encode().hex(),
    "*_PASS": VARIABLES["SMTP_PASS"],
    "*_PWD": VARIABLES["DB_PWD"],
    "PGPASS": VARIABLES["PGPASS"],
    "*_CONNECTION_STRING": VARIABLES["QUEUE_CONNECTION_STRING"],
    "its password": "Qp81zz77yy",
    "*_JWT": VARIABLES["SESSION_JWT"],
    "password of a URL": "dbUrlSecret51",
    "PEM": PEM,
    "PEM, first line": PEM_LINES[0],
    "PEM, last line": PEM_LINES[2],
    "PEM in JSON": _json(PEM, 1),
    "PEM in base64": _b64(PEM),
    "a service account": ACCOUNT,
    "userinfo": "https://bot:t0psecretpw@git.example/x",
    "userinfo without a colon": "https://t0ps3cretus3r@git.example/x",
    "openai": "sk-proj-" + "a1B2" * 8,
    "anthropic": "sk-ant-api03-" + "a1B2" * 8,
    "github": "ghp_" + "a1B2" * 9,
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "slack": "xoxb-123456789012-abcdef7",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bearer": "Bearer 9f8e7d6c5b4a3928",
    "basic": "Basic " + _b64("someone:p4ssw0rd"),
    "a key nobody configured": "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc+/1\n",
}
"""Name and text; of a URL the host may stay, of a header the scheme."""

KEPT = {
    "userinfo": "t0psecretpw",
    "userinfo without a colon": "t0ps3cretus3r",
    "bearer": "9f8e7d6c5b4a3928",
    "basic": _b64("someone:p4ssw0rd"),
    "a service account": PEM_LINES[1],
    "PEM": PEM_LINES[1],
    "PEM in JSON": PEM_LINES[1],
    "a key nobody configured": "MIIEabc+/1",
}

AGENT = '''
"""An agent that says what it must not."""

import json
import sys
from pathlib import Path

FORMS = json.loads(Path("forms.json").read_text())


def answer(case, context):
    text = FORMS[case.id]
    print(text, file=sys.stderr)
    if case.text == "crash":
        raise RuntimeError(f"failed with {text}")
    return {
        "output": ("x" * 279 + " " + text) if case.text == "cut" else f"it is {text} !",
        "steps": [
            {"kind": "llm_call", "provider": "openai", "model": f"m {text}",
             "input_tokens": 1, "output_tokens": 1, "input": text, "output": {"content": text}},
            {"kind": "tool_call", "name": f"t {text}", "arguments": {"a": text}, "result": text},
        ],
        "metadata": {text: text},
    }
'''
SCORER = """
def score(case, trace):
    raise ValueError(f"cannot score {trace.output}")
"""
CONFIG = """\
suites:
  leaky:
    golden: golden.jsonl
    agent: {run: "python:leaky:answer", workers: 1}
    noise: none
    scorers: {own: "own_scorer:score"}
"""


@pytest.mark.parametrize("asked", ["say", "crash", "cut"])
def test_no_file_and_no_stream_holds_a_planted_secret(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Answer, model name, tool call, exception, score text, and what is cut for the report."""
    assert 40 <= len(FORMS)
    monkeypatch.chdir(tmp_path)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "leaky.py").write_text(AGENT)
    (tmp_path / "own_scorer.py").write_text(SCORER)
    (tmp_path / "evalgate.yaml").write_text(CONFIG)
    (tmp_path / "forms.json").write_text(
        json.dumps({f"c{n}": text for n, text in enumerate(FORMS.values())})
    )
    rows = (
        {"id": f"c{n}", "input": asked, "expected": {"output": {"equals": "x"}}}
        for n in range(len(FORMS))
    )
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = [cli("run", "-f", kind) for kind in ("terminal", "markdown", "json", "junit")]
    written = b"".join(p.read_bytes() for p in (tmp_path / ".evalgate").rglob("*") if p.is_file())
    shown = "".join(result.out + result.err for result in results)
    seen = written.decode() + shown
    # A line of JSON holds a text as JSON writes it.
    held = [
        name
        for name, text in FORMS.items()
        if any(form in seen for form in {KEPT.get(name, text), _json(KEPT.get(name, text), 1)})
    ]
    assert [] == held
    assert "[redacted:" in seen


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_and_its_traceback_hold_no_secret(
    quiz: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, *, debug: bool
) -> None:
    """A scorer whose import says the key is a configuration error that does not."""
    monkeypatch.setenv("SERVICE_API_KEY", KEY)
    (quiz / "broken_scorer.py").write_text(f"raise ImportError({KEY!r})\n")
    config = (quiz / "evalgate.yaml").read_text()
    (quiz / "evalgate.yaml").write_text(config + '    scorers: {own: "broken_scorer:score"}\n')
    result = cli(*(["--debug"] if debug else []), "run")
    assert 2 == result.code
    assert "[redacted:SERVICE_API_KEY]" in result.err
    assert not [form for form in (KEY, repr(KEY)[1:-1]) if form in result.out + result.err]
