"""promptfoo configurations: tests, variables and assertions as cases and expectations.

Tests and variables may stand in files, whose names may be patterns; `{{name}}` in an assertion is
the variable of that name. Every expectation of a case must hold here. A test whose threshold or
weights let an assertion fail is stricter afterwards, which is said; assertions without a
counterpart are listed.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import PurePosixPath
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.results.documents import (
    Document,
    JsonDocument,
    LinesDocument,
    TableDocument,
)
from evalgate.importers.results.rows import (
    case_id,
    first,
    items,
    mapping,
    number,
    objects_of,
    text_of,
    unexpected,
)
from evalgate.importers.suites.converted import (
    JUDGE_MODEL,
    Beside,
    Converted,
    ConvertOptions,
    Source,
    input_of,
    make_case,
    texts,
    unique,
)
from evalgate.importers.suites.promptfoo_asserts import Kept, keep
from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.text.counts import number_of

_ASKED: Final = ("question", "input", "query", "prompt", "message", "user_input", "text")
_CONTEXTS: Final = ("context", "contexts")
_FILE: Final = "file://"
_CODE: Final = frozenset({".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb", ".sh"})
_NO_TEXT: Final = frozenset(
    {".xlsx", ".xls", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".mp3", ".wav", ".mp4"}
)
_VARIABLE: Final = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")
_CASE_OPTIONS: Final = ("provider", "providers", "prompts", "assertScoringFunction", "options")
_AGENT: Final = ("prompts", "providers", "targets", "env")
_PLAIN_TOP: Final = frozenset(
    {
        "description",
        "scenarios",
        "tests",
        "defaultTest",
        "assertionTemplates",
        "tags",
        "outputPath",
        "sharing",
    }
    | {"commandLineOptions", "metadata", "$schema", "writeLatestResults"}
)


@dataclass(slots=True)
class _Build:
    """What is collected while tests are read."""

    beside: Beside
    templates: Mapping[str, Json]
    left: Counter[str] = field(default_factory=Counter)
    faithful: bool = False
    limits: dict[str, float] = field(default_factory=dict)


def convert(source: Source, options: ConvertOptions) -> Converted:  # noqa: ARG001  # one contract
    """Convert a configuration of promptfoo, or a file of tests alone."""
    data = mapping(source.document.value) if isinstance(source.document, JsonDocument) else {}
    build = _Build(source.beside, mapping(data.get("assertionTemplates")))
    if isinstance(source.document, TableDocument | LinesDocument) or isinstance(
        getattr(source.document, "value", None), list
    ):
        tests = list(_tests_of(source.document, ""))
    elif "tests" in data or "scenarios" in data:
        tests = list(_tests(data.get("tests"), build, "/tests"))
        tests += list(_scenarios(data.get("scenarios"), build))
    else:
        raise unexpected(list(data), "/", "a configuration with `tests`")
    if not tests and build.left:
        raise DataError(
            f"found no test that is written down, but {', '.join(build.left)}",
            fix="save the tests that it makes as a JSON or YAML list, and import that file",
        )
    default = _default(data.get("defaultTest"), build)
    made = [
        (where, test, variables)
        for where, test in tests
        for variables in _combinations(_merged(test, default), build)
    ]
    ids = unique(case_id(first(test, "description"), variables) for _, test, variables in made)
    cases = tuple(
        _case(where, _merged(test, default), variables, name, build)
        for (where, test, variables), name in zip(made, ids, strict=True)
    )
    _note_top(data, build)
    notes = [f"{number_of(len(tests), 'test')}, {number_of(len(cases), 'case')}"]
    suite = _suite(build, cases, notes)
    left = [f"{what} ({n} times)" if n > 1 else what for what, n in build.left.items()]
    return Converted(cases, suite, left_out=tuple(left), notes=tuple(notes))


def _tests(value: Json, build: _Build, where: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the tests of a list, and those of the files it names."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    for index, test in enumerate(listed):
        if isinstance(test, dict) and not isinstance(test.get("path"), str):
            yield f"{where}/{index}", test
        elif isinstance(test, dict | str):
            named = test if isinstance(test, str) else text_of(test["path"])
            yield from _named_tests(named, build)
        else:
            raise unexpected(test, f"{where}/{index}", "a test, or a file of tests")


def _named_tests(named: str, build: _Build) -> Iterator[tuple[str, dict[str, Json]]]:
    pattern = named.removeprefix(_FILE)
    if "://" in pattern or _is_code(pattern) or _suffix(pattern) in _NO_TEXT:
        build.left[f"tests of {named!r}, which are not in a text file"] += 1
        return
    names = build.beside.names(pattern)
    if not names:
        raise DataError(
            f"{pattern}: no file has such a name, and the file that is read asks for it",
            fix="put the files there, or correct the pattern",
        )
    for name in names:
        yield from _tests_of(build.beside.document(name), f"{name}: ")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _is_code(name: str) -> bool:
    """Say whether a name is that of a program, perhaps with a function: `make.py:tests`."""
    head, _, function = name.rpartition(":")
    return _suffix(name) in _CODE or (function.isidentifier() and _suffix(head) in _CODE)


def _tests_of(document: Document, prefix: str) -> Iterator[tuple[str, dict[str, Json]]]:
    for where, row in objects_of(document, "tests"):
        is_row = isinstance(document, TableDocument)
        yield f"{prefix}{where}", _from_row(row) if is_row else row


def _from_row(row: Mapping[str, Json]) -> dict[str, Json]:
    """Read a row of a table: columns are variables, `__expected` and its kin the rest."""
    test: dict[str, Json] = {}
    variables: dict[str, Json] = {}
    asserts: list[Json] = []
    for name, cell in row.items():
        text = text_of(cell).strip()
        if name.startswith("__expected"):
            asserts += [_cell_assert(text)] if text else []
        elif name.startswith("__metadata:"):
            test["metadata"] = {**mapping(test.get("metadata")), name[11:]: text}
        elif name in ("__description", "__threshold"):
            test[name[2:]] = (number(text) if name == "__threshold" else text) if text else None
        elif name.startswith("__"):
            test[name] = text
        else:
            variables[name] = text_of(cell)
    return {**{k: v for k, v in test.items() if v}, "vars": variables, "assert": asserts}


def _cell_assert(text: str) -> Json:
    """Read `type: value` or `type(threshold): value`; anything else is an equality."""
    head, colon, value = text.partition(":")
    kind, bracket, threshold = head.strip().partition("(")
    kind = {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}.get(kind, kind)
    if not colon or not kind.replace("-", "").isalpha() or kind in ("http", "https"):
        plain = kind if kind in ("is-json", "contains-json", "is-refusal") else None
        return {"type": plain} if plain else {"type": "equals", "value": text}
    many = kind.endswith(("-any", "-all"))
    given: Json = [part.strip() for part in value.split(",")] if many else value.strip()
    found: dict[str, Json] = {"type": kind, "value": given}
    if bracket:
        found["threshold"] = number(threshold.rstrip(") "))
    return found


def _scenarios(value: Json, build: _Build) -> Iterator[tuple[str, dict[str, Json]]]:
    for index, scenario in enumerate(map(mapping, items(value))):
        where = f"/scenarios/{index}"
        configs = list(_tests(scenario.get("config"), build, f"{where}/config"))
        tests = list(_tests(scenario.get("tests"), build, f"{where}/tests"))
        for (_, config), (place, test) in product(configs, tests or [(where, {})]):
            variables = {**mapping(config.get("vars")), **mapping(test.get("vars"))}
            yield place, {**config, **test, "vars": variables}


def _default(value: Json, build: _Build) -> dict[str, Json]:
    if isinstance(value, str):
        document = build.beside.document(value.removeprefix(_FILE))
        return mapping(document.value) if isinstance(document, JsonDocument) else {}
    return mapping(value)


def _merged(test: Mapping[str, Json], default: Mapping[str, Json]) -> dict[str, Json]:
    """Put the default test under a test, as promptfoo does: assertions come first."""
    both = {**default, **test}
    for key in ("vars", "options", "metadata"):
        both[key] = {**mapping(default.get(key)), **mapping(test.get(key))}
    both["assert"] = [*items(default.get("assert")), *items(test.get("assert"))]
    return both


def _combinations(test: Mapping[str, Json], build: _Build) -> Iterator[dict[str, Json]]:
    """Multiply a test by its lists of values."""
    variables = {
        name: held
        for name, value in mapping(test.get("vars")).items()
        for held in _values(name, value, build)
    }
    if mapping(test.get("options")).get("disableVarExpansion") is True:
        yield variables
        return
    lists = [value if isinstance(value, list) else [value] for value in variables.values()]
    for values in product(*lists):
        yield dict(zip(variables, values, strict=True))


def _values(name: str, value: Json, build: _Build) -> Iterator[Json]:
    """Yield the value of a variable, read from the files that it names; of a program, none."""
    if not isinstance(value, str) or not value.startswith(_FILE):
        yield value
        return
    pattern = value.removeprefix(_FILE)
    if _is_code(pattern) or _suffix(pattern) in _NO_TEXT:
        build.left[f"the variable {name!r}, whose value is no text ({value})"] += 1
        return
    held: list[Json] = [build.beside.text(each) for each in build.beside.names(pattern)]
    yield held[0] if len(held) == 1 else held


def _rendered(value: Json, variables: Mapping[str, Json]) -> Json:
    """Put variables into a text, or into the texts of a list."""
    if isinstance(value, list):
        return [_rendered(each, variables) for each in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(
        lambda found: text_of(variables[found[1]]) if found[1] in variables else found[0], value
    )


def _case(
    where: str, test: Mapping[str, Json], variables: Mapping[str, Json], name: str, build: _Build
) -> Case:
    kept = Kept()
    for assertion in _assertions(items(test.get("assert")), build):
        value = _rendered(assertion.get("value"), variables)
        reason = keep({**assertion, "value": value}, kept)
        if reason is not None:
            build.left[reason] += 1
    build.faithful = build.faithful or kept.faithful
    for metric, limit in kept.limits.items():
        build.limits[metric] = max(limit, build.limits.get(metric, limit))
    if (threshold := number(test.get("threshold"))) is not None:
        build.left[f"threshold {threshold:g} of a test: every expectation must hold here"] += 1
    for key in _CASE_OPTIONS:
        if test.get(key):
            build.left[f"{key!r} of a test"] += 1
    metadata: dict[str, Json] = {"vars": dict(variables)}
    metadata |= {k: test[k] for k in ("description", "metadata") if test.get(k)}
    return make_case(
        where,
        id=name,
        input=_input(variables, where),
        expected=kept.expected(),
        contexts=next((texts(variables[k]) for k in _CONTEXTS if k in variables), ()),
        metadata=metadata,
    )


def _input(variables: Mapping[str, Json], where: str) -> object:
    """Take the variable that asks; with none of a known name, all of them as JSON."""
    asked = first(variables, *_ASKED)
    if isinstance(asked, str) and not asked.strip():
        return asked  # an empty message is a test, too
    if asked is not None:
        return input_of(asked, where)
    return input_of(dict(variables) or "(no variables)", where)


def _assertions(listed: list[Json], build: _Build) -> Iterator[Mapping[str, Json]]:
    """Yield assertions, templates put in and sets opened."""
    for given in listed:
        assertion = mapping(given)
        reference = text_of(assertion.get("$ref"))
        if reference:
            found = build.templates.get(reference.rpartition("/")[2])
            assertion = {**mapping(found), **{k: v for k, v in assertion.items() if k != "$ref"}}
        if assertion.get("type") != "assert-set":
            yield assertion
            continue
        threshold = number(assertion.get("threshold"))
        if threshold is not None and threshold < 1:
            build.left[f"assert-set with threshold {threshold:g}: some of it may fail there"] += 1
        else:
            yield from _assertions(items(assertion.get("assert")), build)


def _note_top(data: Mapping[str, Json], build: _Build) -> None:
    for key, value in data.items():
        if key in _AGENT and value:
            count = len(items(value)) or 1
            build.left[f"{key} ({count}): your agent is run as it is"] += 1
        elif value and key not in _PLAIN_TOP:
            build.left[f"the key {key!r}"] += 1


def _suite(build: _Build, cases: tuple[Case, ...], notes: list[str]) -> dict[str, Json]:
    judges: dict[str, Json] = {}
    gates: dict[str, Json] = {}
    if any(case.expected.criteria for case in cases):
        judges["criteria"] = {"kind": "rubric", "model": JUDGE_MODEL, "metrics": ["criteria_met"]}
        gates["criteria_met"] = "standard"
    if build.faithful:
        judges["reader"] = {"kind": "claims", "model": JUDGE_MODEL}
        gates["faithfulness"] = "standard"
    for metric, limit in build.limits.items():
        gates[metric] = {"gate": "standard", "max": limit}
        notes.append(f"{metric}: the largest limit of a test, {limit:g}, is one of the whole suite")
    if not any(case.expected.model_fields_set - {"criteria"} for case in cases):
        gates["task_success_rate"] = "advisory"
        notes.append("no case expects anything that can be checked without a judge")
    suite: dict[str, Json] = {"judges": judges} if judges else {}
    return {**suite, "gate": {"metrics": gates}} if gates else suite
