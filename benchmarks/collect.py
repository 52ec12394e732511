"""How many spans a second one core takes in `evalgate collect`, from the wire to the traces.

    python benchmarks/collect.py [--traces N]

Requests of 100 traces of 5 spans each (agent, two chats, a tool, a retrieval) are sent over
loopback as protobuf and as JSON, compressed; counted is the CPU time of the collector's process,
traces written. Goal: 5,000 spans a second.
"""

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path

from evalgate.commands.operations.collect import Collector
from evalgate.exporters.otlp import json_body, protobuf_body
from evalgate.exporters.spans import SpanContext, sent_trace
from evalgate.importers.traces.otlp_wire import read_json, read_protobuf
from evalgate.schema.trace import LlmCall, Retrieval, ToolCall, Trace
from evalgate.text.redact import Redactor

BATCH = 100


def trace(number: int) -> Trace:
    """Make a trace of four steps with some text."""
    said = {"role": "user", "parts": [{"type": "text", "content": "Where is my order? " * 10}]}
    chat = LlmCall(model="gpt-4.1", provider="openai", input_tokens=120, output_tokens=30,
                   start=0.1, end=0.9, input=[said],
                   output={"role": "assistant", "content": "Soon"})  # fmt: skip
    tool = ToolCall(name="find_order", arguments={"id": number}, result={"day": "Friday"})
    found = Retrieval(name="faq", query="order", documents=("Orders arrive within a week." * 5,))
    return Trace(case_id=f"case-{number}", output="Soon", steps=(chat, found, tool, chat),
                 started_at="2026-05-01T00:00:00Z", duration=2.0)  # fmt: skip


def main() -> None:
    """Print spans a second for each encoding."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=2_000)
    count = parser.parse_args().traces
    nothing = Redactor.build({})
    sent = [sent_trace(trace(n), SpanContext(0.0), nothing) for n in range(count)]
    batches = [sent[n : n + BATCH] for n in range(0, count, BATCH)]
    for name, encode in (("protobuf", protobuf_body), ("json", json_body)):
        bodies = [gzip.compress(encode(batch)) for batch in batches]
        with tempfile.TemporaryDirectory() as folder:
            collector = Collector(Path(folder) / "t.jsonl", nothing)
            began = time.process_time()
            for number, body in enumerate(bodies):
                plain = gzip.decompress(body)
                data = read_protobuf(plain) if name == "protobuf" else read_json(plain, 10**9)
                collector.take(data, float(number))
                collector.close_settled(float(number), 1.0)
            collector.close()
            spent = time.process_time() - began
        spans = collector.done.spans
        print(json.dumps({"encoding": name, "spans_per_s": round(spans / spent)}))


if __name__ == "__main__":
    main()
