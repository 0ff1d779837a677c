"""Turn parsed TOML into msgspec structs and report every problem of it at once, with the nearest known key."""

import difflib
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from edge.errors import EdgeError

T = TypeVar("T")

UNITS = {"_s": "seconds", "_ms": "milliseconds", "_px": "pixels"}


def convert(document: dict[str, Any], kind: type[T]) -> tuple[T | None, list[EdgeError]]:
    """`document` as a `kind`, or None with all that is wrong; locations read like `camera[0].zone`."""
    problems = list(_struct("", document, kind))
    return (None, problems) if problems else (msgspec.convert(document, kind), [])


def _struct(where: str, table: Any, kind: type) -> Any:
    if not isinstance(table, dict):
        yield EdgeError("{where}: must be a table", where=where)
        return
    fields = {f.name: f for f in inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    hints = get_type_hints(kind, include_extras=True)
    for key in table.keys() - fields.keys():
        yield _unknown(_join(where, key), key, fields)
    for name, info in fields.items():
        if name in table:
            yield from _value(_join(where, name), table[name], hints[name], info.type)
        elif info.required:
            yield EdgeError("{where}: is missing", where=_join(where, name))


def _value(where: str, value: Any, hint: Any, info: inspect.Type) -> Any:
    """Descend into what has parts of its own; leave single values to msgspec."""
    if isinstance(info, inspect.UnionType):
        structs = [part for part in info.types if isinstance(part, inspect.StructType)]
        info = structs[0] if structs else info
    if isinstance(info, inspect.StructType):
        yield from _struct(where, value, info.cls)
    elif isinstance(info, inspect.ListType) and isinstance(info.item_type, inspect.StructType):
        yield from _list(where, value, info.item_type.cls)
    else:
        yield from _leaf(where, value, hint)


def _list(where: str, value: Any, kind: type) -> Any:
    if not isinstance(value, list):
        yield EdgeError("{where}: must be written [[{where}]]", where=where)
        return
    for index, item in enumerate(value):
        yield from _struct(f"{where}[{index}]", item, kind)


def _leaf(where: str, value: Any, hint: Any) -> Any:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        name = where.rsplit(".", 1)[-1]
        unit = next((text for end, text in UNITS.items() if name.endswith(end)), "")
        text = "{where}: {why} (in {unit})" if unit else "{where}: {why}"
        yield EdgeError(text, where=where, why=error, unit=unit)


def _unknown(where: str, key: str, known: dict[str, Any]) -> EdgeError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    stem = [name for name in known if name.rsplit("_", 1)[0] == key.rsplit("_", 1)[0] and "_" in name]
    if near or stem:
        return EdgeError("{where}: unknown key; did you mean {near}?", where=where, near=(stem or near)[0])
    return EdgeError("{where}: unknown key; known are {known}", where=where, known=", ".join(known))


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
