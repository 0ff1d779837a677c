"""Real decisions, recorded as they are and explained from the gate's log and from the room's database."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from edge.doorevents import RequestToExit
from edge.effects import Emit
from edge.eventlog import EventLog, Pending
from edge.facts import CameraReported, FaceSeen, Started, WhitelistLoaded
from edge.logfile import Reader, Stored
from edge.models import manifest
from edge.presence import Infrared
from edge.site import Site
from edge.terms import Now, Status
from edge.transport import Envelope
from monitor.ledger import Ledger
from monitor.stream import parse
from tests.commands import answer, complaint, run
from tests.core.worlds import World, view


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "models")


def recorded(site: Site, digest: str | None = None) -> dict[str, Envelope]:
    """One person is let in, somebody is refused, a button is pressed: the events by their type."""
    world = World()
    pack = manifest("zoo")
    world.at(0, Started("boot", "zoo", True, pack.files, pack.digest if digest is None else digest))
    world.at(0, WhitelistLoaded(7, 2, 0.5, 0.01))
    world.at(0, CameraReported("entrance", Status.STREAMING))
    for index in range(20):
        world.at(1 + index * 0.04, with_all_cues(view(1 + index * 0.04)))
        world.at(1 + index * 0.04, view(1 + index * 0.04, person=None, track=2))
    log = EventLog(site.config.state / "outbox.sqlite", "demo", "gate-1")
    told = [Pending(effect.subject, effect.event, Now(1, 1e9)) for effect in world.effects if isinstance(effect, Emit)]
    log.append([*told, Pending("door/main", RequestToExit(), Now(2, 1e9))])
    log.close()
    return {row.type: row for row in map(envelope, rows(site))}


def with_all_cues(seen: FaceSeen) -> FaceSeen:
    """As from a camera with such a stream."""
    return structs.replace(seen, cues=structs.replace(seen.cues, infrared=Infrared.FACE, pattern=7.4))


def rows(site: Site) -> list[Stored]:
    reader = Reader(site.config.state / "outbox.sqlite")
    try:
        return reader.read(0, 1000)
    finally:
        reader.close()


def envelope(row: Stored) -> Envelope:
    return msgspec.json.decode(row.payload, type=Envelope)


def test_a_grant_and_a_refusal_are_explained_in_full(site: Site) -> None:
    found = recorded(site)
    granted = answer("explain", found["edge-gate.AccessGranted"].id, "--config", site.file)
    assert (granted["decision"], granted["person"], granted["subject"]) == ("granted", "ann", "door/main")
    seen = granted["evidence"]
    assert (seen["score"], seen["margin"], seen["threshold"], seen["revision"]) == (0.8, 0.3, 0.5, 1)
    assert seen["votes"] >= 3 and "votes" in seen["rule"] and seen["quality"]["eye_distance_px"] == 80
    assert seen["liveness"]["verdict"] == "live" and seen["liveness"]["views"] > 0
    assert granted["models"] == {spec.file: spec.sha256 for spec in manifest("zoo").network}
    denied = answer("explain", found["edge-gate.AccessDenied"].id, "--config", site.file)
    assert (denied["decision"], denied["reason"], denied["person"]) == ("denied", "CredentialNotFound", "")
    assert denied["evidence"]["score"] is None and denied["decision_ms"] > 0


def test_networks_that_were_replaced_since_are_not_taken_for_those_of_the_decision(site: Site) -> None:
    event = recorded(site, "0" * 64)["edge-gate.AccessGranted"].id
    found = answer("explain", event, "--config", site.file)
    assert (found["models"], found["models_digest"]) == ({}, "0" * 64)
    assert "GateStarted of that time lists them" in run("explain", event, "--config", site.file).stdout


def test_it_is_told_to_people_in_their_language(site: Site) -> None:
    event = recorded(site)["edge-gate.AccessGranted"].id
    said = run("explain", event, "--config", site.file).stdout
    score, infrared = "score 0.800, threshold 0.500, 0.300 ahead", "infrared: the face showed in 100% of the views"
    pattern = "a wave that stood still on the face, 7 times as strong as others"
    for part in ("granted at door/main", "person: ann", score, infrared, pattern, "sha256"):
        assert part in said
    assert "0.800" in (chinese := run("explain", event, "--config", site.file, EDGE_GATE_LANGUAGE="zh").stdout)
    assert "阈值" in chinese


def test_what_the_recorder_has_is_explained_from_its_database(site: Site, tmp_path: Path) -> None:
    event = recorded(site)["edge-gate.AccessGranted"]
    database = tmp_path / "events.sqlite"
    ledger = Ledger(database)
    payload = msgspec.json.encode(event)
    ledger.commit([parse("edge/v1/demo/gate-1/event", payload)], [], [], {})
    ledger.close()
    assert answer("explain", event.id, "--config", site.file, "--database", database)["person"] == "ann"
    assert "is not in" in complaint("explain", "none-1", "--config", site.file, "--database", database)


def test_what_cannot_be_explained_says_why(site: Site) -> None:
    found = recorded(site)
    options = ("--config", site.file)
    assert "no decision about a person" in complaint("explain", found["edge-gate.RequestToExit"].id, *options)
    for unknown in ("nonsense", f"{'0' * 16}-000000000002", f"x-{'9' * 40}"):
        assert "name its database with --database" in complaint("explain", unknown, *options)
    event = found["edge-gate.AccessGranted"]
    changed = msgspec.json.encode(event).replace(b'"votes":', b'"vetos":')
    with sqlite3.connect(site.config.state / "outbox.sqlite") as db:
        db.execute("UPDATE events SET payload = ? WHERE sequence = ?", (changed, int(event.sequence)))
    assert "is not what was written" in complaint("explain", event.id, *options)
