"""Why somebody was let in or refused: one event of the gate's log or the room's database, in words and numbers."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edge import models
from edge.doorevents import AccessDenied, AccessGranted
from edge.errors import EdgeError
from edge.logfile import Reader
from edge.terms import Evidence
from edge.transport import Envelope, type_name

DECISIONS = {type_name(AccessGranted): "granted", type_name(AccessDenied): "denied"}


LONGEST = 18
"""Digits of a sequence: as many as SQLite's integers hold."""


class Explanation(Struct, frozen=True):
    """A decision with all that it rests on.

    `models_digest` is that of the networks then; `models` lists their sha256 when this machine knows the same ones.
    `person` is empty where it was erased or is not known; `evidence` is None where no face was looked at.
    """

    id: str
    source: str
    subject: str
    time: str
    timetrusted: bool
    decision: str
    person: str
    reason: str
    factors: list[str]
    credential: str
    detail: str
    decision_ms: float | None
    evidence: Evidence | None
    models_digest: str
    models: dict[str, str]


def in_log(path: Path, event: str) -> Envelope | None:
    """The event of this id in a gate's own log, which forgets what the recorder has; LogError when it is damaged."""
    sequence = event.rpartition("-")[2]
    if not path.exists() or not sequence.isascii() or not sequence.isdigit() or len(sequence) > LONGEST:
        return None
    reader = Reader(path)
    try:
        rows = reader.read(int(sequence) - 1, 1)
    finally:
        reader.close()
    found = [msgspec.json.decode(row.payload, type=Envelope) for row in rows]
    return next((envelope for envelope in found if envelope.id == event), None)


def explain(event: Envelope) -> Explanation:
    """EdgeError when the event is no decision, or is not written as decisions are."""
    if event.type not in DECISIONS:
        text = "{id} is no decision about a person but {type}"
        raise EdgeError(text, "explain an AccessGranted or AccessDenied", id=event.id, type=event.type)
    data = event.data
    try:
        evidence = msgspec.convert(data.get("evidence"), Evidence | None)
    except msgspec.ValidationError as error:
        hint = "explain it with the version of edge-gate that wrote it"
        raise EdgeError("the evidence of {id} cannot be read: {why}", hint, id=event.id, why=error) from error
    return Explanation(
        id=event.id,
        source=event.source,
        subject=event.subject,
        time=event.time,
        timetrusted=event.timetrusted,
        decision=DECISIONS[event.type],
        person=_personal(data, "person"),
        reason=_text(data.get("reason")),
        factors=[str(factor) for factor in _list(data.get("factors"))],
        credential=_text(data.get("credential")),
        detail=_text(data.get("detail")),
        decision_ms=ms if isinstance(ms := data.get("decision_ms"), float | int) else None,
        evidence=evidence,
        models_digest=evidence.models if evidence else "",
        models=_models(evidence) if evidence else {},
    )


def _personal(data: dict[str, object], name: str) -> str:
    """A personal field stands beside the chain with its salt, until it is erased."""
    personal = data.get("personal")
    pair: Any = personal.get(name) if isinstance(personal, dict) else None
    return _text(pair[1]) if isinstance(pair, list) and len(pair) == 2 else _text(data.get(name))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _models(evidence: Evidence) -> dict[str, str]:
    """Not those of a pack that has the same name and other networks by now."""
    known = models.manifest(evidence.pack) if evidence.pack in models.names() else None
    return known.files if known and known.digest == evidence.models else {}
