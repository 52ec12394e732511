"""Reads what other tools wrote: traces and golden sets, per-case results, whole suites.

May import store and below.

An importer is a pure function `(data, options) -> Imported`: `data` is what `sources.read_source`
read, `options` are texts by name. The registry says where each lives.
"""
