"""One file a format of traces and golden sets that is read."""
