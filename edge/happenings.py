"""What may happen in a scenario: each kind, what it is called, its fields and what they may be."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from edge.terms import CommandKind, Reason, Status, Storage

Value = str | float | bool | None
Check = Callable[[Any], Value | None] | str
"""Gives a value its one form, or None when it makes no sense; `time` stands for a moment of the wall clock."""

ON = frozenset(("on", "active", "open", "opened", "pressed", "true", "yes", "failed", "alarm", "raised"))
OFF = frozenset(("off", "inactive", "closed", "shut", "released", "false", "no", "ok", "restored", "normal", "cleared"))
NOBODY = frozenset(("", "stranger", "unknown", "nobody"))


class Happening(Struct):
    """Something of `kind` happens `at` seconds from the start."""

    at: float
    kind: str
    fields: dict[str, Value]


class Kind(Struct):
    """The fields of one kind and other names for them."""

    fields: dict[str, Check]
    others: dict[str, str] = {}
    needed: tuple[str, ...] = ()

    def key(self, name: str) -> str:
        """The field that a key means, or ""."""
        name = named(name)
        return name if name in self.fields else self.others.get(name, "")


def switch(value: Any) -> Value:
    """True or false, also in words."""
    text = str(value).lower()
    return True if text in ON or value == 1 else False if text in OFF or value == 0 else None


def number(value: Any) -> Value:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e9 else None


def count(value: Any) -> Value:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000 else None


def text(value: Any) -> Value:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def person(value: Any) -> Value:
    """A name; nobody is ""."""
    return "" if str(value).lower() in NOBODY else text(value)


class Choice:
    """One of some words, or another name of one; capitals, underscores and spaces do not matter."""

    def __init__(self, values: Iterable[str], others: dict[str, str] | None = None) -> None:
        self.values = tuple(map(str, values))
        self._meant = {_plain(value): value for value in self.values} | (others or {})

    def __call__(self, value: Any) -> Value:
        return self._meant.get(_plain(str(value)))


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


reason = Choice(Reason, {"true": Reason.PASS_INVALID.value})
"""Of AccessDenied; true for a pass that is no good."""
liveness = Choice(
    ("live", "attack", "unsure", "unavailable"),
    {"true": "live", "real": "live", "false": "attack", "photo": "attack", "spoof": "attack", "none": "unavailable"},
)


def named(name: str) -> str:
    """A name as it is written here: small letters and underscores."""
    name = name.strip().lower().replace("-", "_").replace(" ", "_")
    return OTHER_NAMES.get(name, name)


OTHER_NAMES = {
    "face_seen": "face",
    "exit": "exit_button",
    "rex": "exit_button",
    "request_to_exit": "exit_button",
    "door_contact": "contact",
    "clock_step": "clock",
    "pass_shown": "pass",
    "qr": "pass",
    "keypad": "pin",
    "pin_entered": "pin",
    "card_read": "card",
    "command_received": "command",
    "wait": "nothing",
    "end": "nothing",
    "relay_feedback": "feedback",
}

ALIASES = {
    "state": "active",
    "open": "active",
    "pressed": "active",
    "value": "active",
    "for_s": "for",
    "seconds": "for",
}
INPUT = Kind({"door": text, "active": switch, "for": number}, ALIASES)

KINDS: dict[str, Kind] = {
    "face": Kind(
        {"door": text, "camera": text, "person": person, "liveness": liveness, "track": count, "views": count,
         "for": number, "age": number, "stays": switch},
        {"live": "liveness", "verdict": "liveness", "for_s": "for", "age_s": "age", "name": "person"},
    ),
    "contact": INPUT,
    "exit_button": INPUT,
    "tamper": INPUT,
    "fire": INPUT,
    "supply": INPUT,
    "feedback": INPUT,
    "inputs_lost": Kind({"door": text, "detail": text, "for": number}, {"for_s": "for", "seconds": "for"}),
    "clock": Kind(
        {"step": number, "to": "time", "trusted": switch},
        {"step_s": "step", "by": "step", "seconds": "step", "synchronised": "trusted", "time": "to"},
    ),
    "command": Kind(
        {"door": text, "command": Choice(CommandKind), "for": number, "person": person, "operator": text, "id": text,
         "problem": text},
        {"name": "command", "action": "command", "do": "command", "seconds": "for", "for_s": "for", "why": "problem"},
        ("command",),
    ),
    "pass": Kind(
        {"door": text, "reader": text, "camera": text, "id": text, "person": person, "from": "time", "until": "time",
         "uses": count, "used": count, "face": switch, "pin": text, "problem": reason},
        {"jti": "id", "valid_from": "from", "valid_until": "until", "reason": "problem", "name": "person"},
    ),
    "pin": Kind({"door": text, "reader": text, "pin": text}, {"code": "pin", "digits": "pin"}),
    "card": Kind({"door": text, "reader": text, "person": person}, {"owner": "person", "name": "person"}),
    "camera": Kind({"camera": text, "status": Choice(Status), "detail": text}, {"state": "status", "name": "camera"}),
    "broker": Kind({"status": Choice(Status), "detail": text}, {"state": "status"}),
    "storage": Kind({"state": Choice(Storage)}, {"status": "state"}),
    "whitelist": Kind({"problem": text, "revision": count}),
    "relay": Kind({"door": text, "status": Choice(("ok", "silent", "away", "stuck"))}, {"state": "status"}),
    "reader": Kind(
        {"reader": text, "status": Choice(("ok", "silent"))}, {"state": "status", "name": "reader"}, ("reader",)
    ),
    "nothing": Kind({}),
}  # fmt: skip
"""Every kind by its name; docs/scenarios.md explains them."""
