"""Turn parsed TOML into msgspec structs and report every problem of it at once, with what would be right."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar, get_type_hints, runtime_checkable

import msgspec
from msgspec import inspect

from edge.errors import EdgeError, Phrase
from edge.i18n import N_

T = TypeVar("T")
Problem = tuple[str, Phrase]
"""Where (`camera.front.zone`) and what."""

UNITS = {
    "_ms": N_("milliseconds"),
    "_per_s": N_("per second"),
    "_s": N_("seconds"),
    "_px": N_("pixels"),
    "_mib": N_("MiB"),
}
LONGEST = 40
"""Characters of a wrong value that are shown."""


@runtime_checkable
class Checked(Protocol):
    """A struct with rules that no single key can tell; asked only when its keys are right by themselves."""

    def problems(self) -> Iterator[Problem]:
        """Keys of this struct and what is wrong with them."""


def convert(document: dict[str, Any], kind: type[T]) -> tuple[T | None, list[EdgeError]]:
    """`document` as a `kind`, or None with all that is wrong."""
    problems = list(_struct("", document, kind))
    return (None, errors(problems)) if problems else (msgspec.convert(document, kind), [])


def errors(problems: Iterable[Problem]) -> list[EdgeError]:
    return [EdgeError("{where}: {why}", where=where, why=why) for where, why in problems]


def unit(key: str) -> str:
    """The unit that a key carries in its name, or nothing."""
    return next((text for end, text in UNITS.items() if key.endswith(end)), "")


def _struct(where: str, table: Any, kind: type) -> Iterator[Problem]:
    if not isinstance(table, dict):
        yield where, Phrase("must be a table")
        return
    found = list(_keys(where, table, kind))
    yield from found
    if not found and issubclass(kind, Checked):
        for key, why in msgspec.convert(table, kind).problems():
            yield _join(where, key), why


def _keys(where: str, table: dict[str, Any], kind: type) -> Iterator[Problem]:
    fields = {f.name: f for f in inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    hints = get_type_hints(kind, include_extras=True)
    for key in table:
        if key not in fields:
            yield _join(where, key), _unknown(key, list(fields))
    for name, info in fields.items():
        if name in table:
            yield from _value(_join(where, name), table[name], hints[name], info.type)
        elif info.required:
            yield _join(where, name), Phrase("is missing")


def _value(where: str, value: Any, hint: Any, info: inspect.Type) -> Iterator[Problem]:
    """Descend into what has parts of its own; leave single values to msgspec."""
    match info:
        case inspect.UnionType(types=types) if structs := [t for t in types if isinstance(t, inspect.StructType)]:
            yield from _struct(where, value, structs[0].cls)
        case inspect.StructType(cls=kind):
            yield from _struct(where, value, kind)
        case inspect.ListType(item_type=inspect.StructType(cls=kind)):
            yield from _list(where, value, kind)
        case inspect.DictType(key_type=inspect.LiteralType(values=keys), value_type=inspect.StructType(cls=kind)):
            yield from _dict(where, value, keys, kind)
        case _:
            yield from _leaf(where, value, hint, info)


def _list(where: str, value: Any, kind: type) -> Iterator[Problem]:
    if not isinstance(value, list) or not value:
        yield where, Phrase("at least one [[{where}]] is needed", where=where)
        return
    for index, item in enumerate(value):
        name = item.get("name") if isinstance(item, dict) else None
        yield from _struct(f"{where}.{name}" if isinstance(name, str) and name else f"{where}[{index}]", item, kind)


def _dict(where: str, value: Any, keys: Iterable[Any], kind: type) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield where, Phrase("must be a table")
        return
    for key, item in value.items():
        if key in keys:
            yield from _struct(_join(where, key), item, kind)
        else:
            yield _join(where, key), _unknown(key, list(keys))


def _leaf(where: str, value: Any, hint: Any, info: inspect.Type) -> Iterator[Problem]:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        yield where, Phrase("must be {wanted}, not {value}", wanted=wanted(info, unit(where)), value=_shown(value))


def wanted(info: inspect.Type, unit: str = "") -> Phrase:
    """What a value of this type may be, in words."""
    match info:
        case inspect.Metadata(extra_json_schema={"description": text}):
            return Phrase(text)
        case inspect.Metadata(type=inner):
            return wanted(inner, unit)
        case inspect.FloatType() | inspect.IntType():
            return _number(info, unit)
        case inspect.StrType():
            return Phrase("text in quotes")
        case inspect.BoolType():
            return Phrase("true or false")
        case inspect.LiteralType(values=values):
            return Phrase("one of {choices}", choices=", ".join(map(str, values)))
        case inspect.TupleType(item_types=items):
            return Phrase("a list of {count}, each {item}", count=len(items), item=wanted(items[0], unit))
        case inspect.ListType(item_type=item):
            return Phrase("a list, each {item}", item=wanted(item, unit))
        case inspect.UnionType(types=(one, other)):
            return Phrase("{one} or {other}", one=wanted(one, unit), other=wanted(other, unit))
    return Phrase("a list or table of the right parts")


def _number(info: inspect.FloatType | inspect.IntType, unit: str) -> Phrase:
    kind = Phrase("a whole number" if isinstance(info, inspect.IntType) else "a number")
    if unit:
        kind = Phrase("{number} ({unit})", number=kind, unit=Phrase(unit))
    if info.le is None:
        return kind if info.gt is None else Phrase("{kind} above {least}", kind=kind, least=info.gt)
    if info.gt is not None:
        return Phrase("{kind} above {least} and up to {most}", kind=kind, least=info.gt, most=info.le)
    return Phrase("{kind} from {least} to {most}", kind=kind, least=info.ge, most=info.le)


def _shown(value: Any) -> str:
    """A wrong value as it stands in the file, shortened."""
    text = str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _unknown(key: str, known: list[str]) -> Phrase:
    """The key that was meant: the same word with another unit, or the nearest one."""
    same = [name for name in known if unit(name) and name.rsplit("_", 1)[0] == key.rsplit("_", 1)[0]]
    near = (same or difflib.get_close_matches(key, known, n=1, cutoff=0.5) or [""])[0]
    if not near:
        return Phrase("unknown key; known are {known}", known=", ".join(known))
    if unit(near):
        return Phrase("unknown key; did you mean {near} ({unit})?", near=near, unit=Phrase(unit(near)))
    return Phrase("unknown key; did you mean {near}?", near=near)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
