"""A workload as text: TOML to keep, and the query string of a link. Either gives the same workload again."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlencode

from chooser.keys import KEYS, WorkloadError, parse
from chooser.workload import Workload

MOST = 10_000
"""Maximum characters of a link's query string."""


def given_keys(load: Workload) -> dict[str, object]:
    """Return the keys given in the workload's file or link, with their values, in the order of KEYS."""
    values = {key: getattr(load, key) for key in KEYS if key in load.given}
    return {key: [*value] if isinstance(value, tuple) else value for key, value in values.items()}


def as_toml(values: Mapping[str, object], comments: Mapping[str, str] | None = None) -> str:
    """Return a workload file as TOML. comments: by key; alone on a line if the key has no value."""
    comments = comments or {}
    lines = []
    for key in [*KEYS, *(one for one in comments if one not in KEYS)]:
        comment = f"# {comments[key]}" if key in comments else ""
        if key in values:
            lines.append(f"{key} = {_toml(values[key])}{'  ' if comment else ''}{comment}")
        elif comment:
            lines.append(f"# {key}: {comments[key]}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def as_query(load: Workload) -> str:
    """Return the query string of a link: tables as `duration_ms.arm64`, lists with commas."""
    return urlencode([*_pairs(given_keys(load))], safe=",")


def _pairs(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", _plain(one)) for name, one in value.items())
        elif isinstance(value, list):
            yield key, ",".join(map(_plain, value))
        else:
            yield key, _plain(value)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else _toml(value)


def from_query(query: str) -> Workload:
    """Parse a link's query string. Raises WorkloadError, as for a file."""
    if len(query) > MOST:
        raise WorkloadError(f"A link has at most {MOST:,} characters.")
    values: dict[str, object] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        name, dot, part = key.partition(".")
        table, column = (values.setdefault(name, {}), part) if dot else (values, key)
        if not isinstance(table, dict) or column in table:
            raise WorkloadError(f"{key}: the link gives {name} more than once.")
        table[column] = _number(text) if dot else _read(key, text)
    return parse(values)


def _read(key: str, text: str) -> object:
    """Convert a value to its key's type, or return the text if that fails: `parse` then refuses it."""
    values = KEYS[key].values if key in KEYS else str
    if values is list:
        return [_number(one) for one in text.split(",")]
    if values is tuple:
        return [one.strip() for one in text.split(",") if one.strip()]
    if values is bool:
        return {"true": True, "false": False}.get(text, text)
    return _number(text) if isinstance(values, tuple) and not isinstance(values[0], str) else text


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
