"""`edge-gate sync verify`: what a gate would believe of a store, or of messages that were captured at the broker.

A capture is a text file of JSON lines, `{"topic": ..., "payload": BASE64}`, in the order in which the messages came;
`edge-gate sync capture` writes one. Nothing here is opened: whether a record is the one that the desk signed needs no
content key.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from edge.errors import StoreError
from edge.i18n import N_
from edge.records import Mark, Signed
from edge.roster import Check, Roster
from edge.vault import Vault

SQLITE = b"SQLite format 3\0"
WRONG_KEY = N_("nothing in it is signed with this key; name that of the desk which signed it, its desk.pub, with --key")
MISSING, PAGE_MISSING = N_("its record is missing"), N_("it is missing")


class Captured(Struct, frozen=True):
    """One line of a capture; `payload` is base64."""

    topic: str
    payload: str


class Verdict(NamedTuple):
    """`people` are those whose records are whole; `problems` is by person, or by part of the list."""

    revision: int
    people: int
    problems: dict[str, str]


class _Counted:
    """A check that knows whether it has ever believed anything, or was asked at all."""

    def __init__(self, check: Check) -> None:
        self._check, self.asked, self.believed = check, False, False

    def __call__(self, message: bytes) -> Signed:
        self.asked = True
        signed = self._check(message)
        self.believed = True
        return signed


def examine(path: Path, check: Check) -> Verdict:
    """Look at a store (SQLite) or a capture (JSON lines); StoreError when it is neither."""
    counted = _Counted(check)
    verdict = _examined(path, counted)
    if counted.asked and not counted.believed:
        return verdict._replace(problems={"key": WRONG_KEY})
    return verdict


def _examined(path: Path, check: Check) -> Verdict:
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    return _store(path, check) if head == SQLITE else _capture(path, check)


def _store(path: Path, check: Check) -> Verdict:
    vault = Vault(path, read_only=True)
    try:
        held, damaged = vault.held()
        documents = vault.documents()
        roster = Roster(_site(documents), "", check, Mark(0, 0.0), "")
        roster.resume(documents, vault.tombstones(), held)
    finally:
        vault.close()
    problems = {**roster.problems, **{person: str(why) for person, why in damaged.items()}}
    if not documents:
        problems["manifest"] = "the store has no manifest"
    return Verdict(roster.revision, len(roster.running), problems)


def _capture(path: Path, check: Check) -> Verdict:
    roster, problems = None, dict[str, str]()
    for number, line in enumerate(_lines(path), 1):
        try:
            captured = msgspec.json.decode(line, type=Captured)
            payload = base64.b64decode(captured.payload, validate=True)
        except ValueError as error:
            problems[f"line {number}"] = str(error)
            continue
        roster = roster or Roster(_site({captured.topic: b""}), "", check, Mark(0, 0.0), "")
        roster.feed(captured.topic, payload)
        problems |= roster.problems  # also one that the truth has healed by the end
    if roster is None:
        raise StoreError("{path} is neither a store nor a capture", path=path)
    missing = dict.fromkeys(roster.holding.lacking, MISSING)
    missing |= {f"index/{page:02x}": PAGE_MISSING for page in roster.holding.behind if roster.holding.manifest}
    problems = missing | problems  # what was shown and refused is not missing
    if roster.holding.manifest is None:
        problems.setdefault("manifest", PAGE_MISSING)
    return Verdict(roster.revision, len(roster.running), problems)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from filter(None, map(bytes.strip, file))


def _site(topics: dict[str, bytes]) -> str:
    """The site that topics of this form belong to."""
    for topic in topics:
        levels = topic.split("/")
        if levels[:2] == ["edge", "v1"] and len(levels) > 3:
            return levels[2]
    return ""


def captured(topic: str, payload: bytes) -> bytes:
    """A line of a capture."""
    return msgspec.json.encode(Captured(topic, base64.b64encode(payload).decode())) + b"\n"


def trusted(paths: list[Path]) -> bytes | None:
    """The first of these files that is a public key."""
    for path in paths:
        try:
            if len(key := path.read_bytes()) == 32:
                return key
        except OSError:
            continue
    return None
