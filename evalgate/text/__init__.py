"""Pure text work: strict JSON, redaction, escaping, diffs. May import schema and errors."""
