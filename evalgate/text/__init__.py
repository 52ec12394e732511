"""Pure text work: strict JSON, redaction, escaping, diffs."""
