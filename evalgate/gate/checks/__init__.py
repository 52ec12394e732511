"""One file a kind of check: limits, relative change, must_pass, evidence, judges, stress."""
