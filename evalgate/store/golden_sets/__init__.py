"""Golden sets on disk: JSONL read strictly, CSV, YAML, Parquet, Arrow and the hub."""
