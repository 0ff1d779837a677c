"""What the audit has put down of a deed, in the reader's language: its record has one, whoever looks at it later."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from edge.i18n import N_
from monitor.words import COMMANDS, LEVELS, NAMELESS, ROLES, Names, word

CHANGES = {**ROLES, "another password": N_("another password")}
ALARM, PASSKEY = N_("alarm {number}"), N_("passkey")
KNOWN = (
    N_("since {since}, {count} events"),
    N_("accepted, {id}"),
    N_("accepted, {id}, not for {door}"),
    N_("accepted by {accepted} of {number} gates"),
    N_("awaits a second person"),
    N_("withdrawn, {who} had asked"),
)
"""What programs have read and what commands came to, known again by its shape."""

ASKED = {"gate": N_("Gate"), "type": N_("Event"), "person": N_("Person"), "severity": N_("Severity"),
         "since": N_("From"), "until": N_("Until")}  # fmt: skip
"""The labels of the form of the history."""

Told = Callable[[str], str]


def audited(deed: str, detail: str, heard: Told, names: Names = NAMELESS) -> str:
    """The detail of an entry: our own words are retold by `heard`, names and numbers stay, gates have theirs."""
    match deed:
        case "command":
            return _command(detail, heard)
        case "history" | "export":
            return _asked(detail, heard, names)
        case "account added" | "account changed":
            name, mark, changes = detail.rpartition(": ")
            return name + mark + ", ".join(heard(word(each, CHANGES)) for each in changes.split(", "))
        case "photo" | "picture":
            return heard(ALARM).format(number=detail.removeprefix("alarm "))
        case "login":
            address, mark, way = detail.partition(", ")
            return f"{address}{mark}{heard(PASSKEY) if way else ''}"
        case "test notice":
            return heard(LEVELS.get(detail, detail))
        case "gate page":
            return names.get(detail, detail)
        case "events":
            return heard(detail)
    return detail


def _command(detail: str, heard: Told) -> str:
    """`KIND GATE [DOOR] [PERSON]: VERDICT[: WHY]`."""
    what, mark, verdict = detail.partition(": ")
    kind, _, where = what.partition(" ")
    head, colon, why = verdict.partition(": ")
    return f"{heard(COMMANDS.get(kind, kind))} {where}{mark}{heard(head)}{colon}{heard(why)}"


def _asked(query: str, heard: Told, names: Names) -> str:
    """What was searched for."""
    own: dict[str, Told] = {
        "gate": lambda place: names.get(place, place),
        "type": lambda name: heard(word(name.removeprefix("edge-gate."))),
        "severity": heard,
    }
    asked = {name: own.get(name, str)(value) for name, value in parse_qsl(query) if name in ASKED}
    return ", ".join(f"{heard(ASKED[name])}: {value}" for name, value in asked.items())
