"""One whitelist for several gates: the real desk, mosquitto with TLS and its access list, the gates' real following."""

from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from msgspec import structs

from edge.enrolled import Applicant, Consent, Edit
from edge.models import manifest
from edge.records import Content, Kind, Report, decode, encode
from edge.signet import GATE_OPENS, GATE_SIGNS, Sealer, Stamp, read_key, unwrap
from edge.terms import Now
from edge.town import CONSENT, PACK, SITE, Town, synthetic
from tests.adapters.brokers import until
from tests.adapters.clocks import Hands
from tests.adapters.sites import TOPICS, Gate, Place, member, say
from tests.commands import answer

pytestmark = pytest.mark.real


def test_everybody_agrees_and_who_is_revoked_is_out_with_a_receipt(place: Place) -> None:
    place.start("broker", "desk", "north", "south")
    ann, face = place.enroll("Ann")
    place.enroll("Bob")
    place.wait(2)
    assert all(gate.matches(ann, face) for gate in place.gates.values())
    place.stop("south")
    options = ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    told = answer("revoke", ann, "--wait", "5", *options)
    assert (
        told["pending"] == ["south"]
        and list(told["confirmed_ms"]) == ["north"]
        and told["confirmed_ms"]["north"] < 5000
    )
    assert not place.gates["north"].matches(ann, face)
    place.start("south")
    until(lambda: len(place.town.office().receipts(ann, told["revision"])) == 2)
    answer("people", "restore", ann, *options)
    until(lambda: all(gate.matches(ann, face) for gate in place.gates.values()))
    place.stop("south")
    told = answer("people", "erase", ann, "--wait", "5", *options)
    assert (told["standing"], told["pending"], list(told["confirmed_ms"])) == ("erased", ["south"], ["north"])
    assert not place.gates["north"].matches(ann, face)
    assert answer("people", "show", ann, *options)["pending"] == ["south"]
    place.start("south")
    until(lambda: answer("people", "show", ann, *options)["pending"] == [])
    assert not place.gates["south"].matches(ann, face)
    assert not place.gates["south"].matches(ann, face)
    status = answer("sync", "status", *options)
    assert [(line["gate"], line["behind"], line["problems"]) for line in status["gates"]] == [
        ("north", 0, {}),
        ("south", 0, {}),
    ]
    assert [gate["name"] for gate in answer("gates", "list", *options)["gates"]] == ["north", "south"]


def test_who_declines_a_face_comes_with_card_and_pin_and_is_not_searched(place: Place) -> None:
    person = place.town.people().admit_faceless(Applicant("李雷", CONSENT), PACK).id
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.town.people().edit(person, Edit(pin="stretched", card="26:1"))

    def arrived() -> bool:
        loaded = place.gates["north"].now()
        permit = loaded and loaded.permits.get(person)
        return bool(permit and (permit.pin, permit.card) == ("stretched", "26:1"))

    until(arrived)
    assert place.problems("north") == {} and place.gates["north"].count() == 1
    answer(
        "revoke", person, "--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"
    )
    until(lambda: not arrived())


def test_a_broker_that_lost_its_memory_is_told_everything_again(place: Place) -> None:
    for number in range(5):
        place.enroll(f"person {number}")
    place.start("broker", "desk", "north")
    place.wait(5)
    place.town.broker.kill()
    (place.town.root / "broker/mosquitto.db").unlink(missing_ok=True)
    late, face = place.enroll("late")
    place.start("broker", "south")
    place.wait(6)
    assert place.gates["south"].matches(late, face)
    assert min(place.gates["north"].seen[place.gates["north"].seen.index(5) :]) == 5, "nobody was lost on the way"


def test_what_a_hostile_broker_shows_is_reported_by_id_and_repaired(place: Place) -> None:
    ann, face = place.enroll("Ann")
    bob, _ = place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    place.stop("desk")
    old = place.town.office().message(TOPICS.manifest)
    place.start("desk")
    place.enroll("Cem")
    place.wait(3)
    place.stop("desk")
    with closing(member(place.town, "desk")) as hostile:
        forged = bytearray(place.town.office().message(TOPICS.person(ann)))
        forged[-9] ^= 1
        say(hostile, TOPICS.person(ann), bytes(forged))
        say(hostile, TOPICS.person(bob), place.town.office().message(TOPICS.person(ann)))
        say(hostile, TOPICS.manifest, old)
    gate = place.gates["north"]
    until(lambda: {ann, bob, "manifest"} <= gate.follower._roster.problems.keys())
    assert gate.matches(ann, face) and gate.count() == 3
    until(lambda: {ann, bob, "manifest"} <= gate.follower._lasting.problems.keys())
    place.start("desk")
    until(lambda: not gate.follower._roster.problems)
    until(lambda: place.problems("north") == {})
    assert gate.matches(ann, face) and gate.count() == 3


def test_a_gate_may_not_speak_for_the_desk_nor_hear_what_is_for_another(place: Place) -> None:
    place.start("broker", "desk")
    ann, _ = place.enroll("Ann")
    with closing(member(place.town, "north")) as thief, closing(member(place.town, "desk")) as desk:
        say(thief, TOPICS.person(ann), b"")
        say(thief, TOPICS.keys("south"), b"x")
        say(thief, TOPICS.report("south"), b"x")
        thief.subscribe([TOPICS.keys("south"), TOPICS.report("south"), TOPICS.keys("north"), TOPICS.manifest])
        desk.subscribe([f"{TOPICS.desk}/#"])
        heard: set[str] = set()
        until(
            lambda: heard.update(m.topic for m in thief.turn(0.05)) or {TOPICS.keys("north"), TOPICS.manifest} <= heard
        )
        assert heard == {TOPICS.keys("north"), TOPICS.manifest}
        shown: dict[str, bytes] = {}
        until(lambda: shown.update({m.topic: m.payload for m in desk.turn(0.05)}) or TOPICS.person(ann) in shown)
        assert len(shown[TOPICS.person(ann)]) > 1000 and shown.get(TOPICS.keys("south")) != b"x"


@pytest.mark.parametrize("bad", [{"revision": 2**63}, {"revision": -1}, {"people": 2**64 - 1}, {"gone": {"a": 2**63}}])
def test_a_gate_that_reports_numbers_which_are_none_ends_no_desk(place: Place, bad: dict[str, Any]) -> None:
    place.start("broker", "desk", "north")
    place.enroll("Ann")
    place.wait(1)
    stamp = Stamp(read_key(place.town.sites["south"].secrets / GATE_SIGNS))
    report = structs.replace(Report(SITE, "south", 0, 0.0, 0, 0.0), **bad)
    with closing(member(place.town, "south")) as thief:
        say(thief, TOPICS.report("south"), stamp.sign(Kind.REPORT, encode(report)))
    place.enroll("Bob")
    place.wait(2)
    place.stop("desk")
    place.start("desk")
    place.enroll("Cem")
    place.wait(3)
    assert place.town.office().contacts().keys() == {"north"}


def test_a_stolen_gate_opens_nothing_that_comes_after(place: Place) -> None:
    ann, face = place.enroll("Ann")
    place.start("broker", "desk", "north", "south")
    place.wait(1)
    place.stop("south")
    keys_before = place.town.office().message(TOPICS.keys("south"))
    options = ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    answer("gates", "revoke", "south", *options)
    bob, _ = place.enroll("Bob")
    place.wait(2, "north")
    until(lambda: TOPICS.keys("south") not in place.town.office().hashes())
    private = read_key(place.town.sites["south"].secrets / GATE_OPENS)
    for person in (ann, bob):
        until(lambda person=person: not opens(place.town, person, keys_before, private))  # type: ignore[misc]
    assert place.gates["north"].matches(ann, face)


def opens(town: Town, person: str, keys: bytes, private: bytes) -> bool:
    """Whether the thief of a gate can open a person's record as it is now."""
    from edge.issue import binding
    from edge.records import Head, Keys, Record, parse

    wrapped = decode(parse(keys).payload, Keys).wrapped
    sealer = Sealer({kid: unwrap(key, private, binding(SITE, "south", kid)) for kid, key in wrapped.items()})
    record = decode(parse(town.office().message(TOPICS.person(person))).payload, Record)
    head = decode(bytes(record.head), Head)
    return head.key in sealer and bool(decode(sealer.open(head.key, record.sealed, bytes(record.head)), Content))


def test_a_list_that_is_not_renewed_is_not_used(place: Place) -> None:
    desk = place.town.root / "desk.toml"
    desk.write_text(desk.read_text().replace('state_dir = "', 'renew_every_s = 1.0\nvalid_s = 4.0\nstate_dir = "'))
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    gate = place.gates["north"]
    first = issued(gate)
    until(lambda: issued(gate) > first + 4.0)
    place.wait(1)
    place.stop("desk")
    until(lambda: "not renewed" in gate.problem())


def issued(gate: Gate) -> float:
    """When the desk last said that the list of the gate holds."""
    manifest = gate.follower._roster.adopted
    return manifest.issued if manifest else 0.0


def at(place: Place, utc: float, trusted: bool) -> Hands:
    """The gate starts anew, by a clock that shows this."""
    place.stop("north")
    place.clock = clock = Hands(utc, trusted)
    place.start("north")
    return clock


def test_whether_a_list_was_renewed_is_judged_by_what_is_certain_of_the_time(place: Place) -> None:
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    now, day = issued(place.gates["north"]), 86_400.0
    place.stop("desk")
    place.town.broker.kill()
    for wrong in (60.0, now + 5_000 * day):
        at(place, now + 60.0, True)
        place.wait(1)
        clock = at(place, wrong, False)
        place.wait(1)
        clock.shows = Now(day, wrong, False)
        until(lambda: "not renewed" in place.gates["north"].problem())
    at(place, now + 30 * day, True)
    until(lambda: "not renewed" in place.gates["north"].problem())
    clock = at(place, 60.0, False)
    until(lambda: "not renewed" in place.gates["north"].problem())
    clock.shows = Now(1.0, now + 60.0, True)
    place.wait(1)


def test_a_last_day_ends_at_the_site_and_a_clock_that_was_ahead_ends_nobody_for_good(place: Place) -> None:
    day, last = 86_400.0, date.today() + timedelta(days=2)
    faces, grounds = synthetic(place.rng, manifest(PACK).dimension), Consent("form 1", "a visit", last)
    ann = place.town.people().enroll("Ann", grounds, manifest(PACK).id, faces).id
    desk = place.town.root / "desk.toml"
    desk.write_text(desk.read_text().replace('state_dir = "', f'valid_s = {20 * day}\nstate_dir = "'))
    morning = datetime.combine(last, time(), UTC).timestamp()
    place.start("broker", "desk")
    clock = at(place, morning, True)
    gate = place.gates["north"]
    until(lambda: gate.matches(ann, faces[0]))
    place.stop("desk")
    for ahead in (morning + 17 * 3600.0, morning + 9 * day):  # in Shanghai both are another day
        clock.shows = Now(1.0, ahead, True)
        until(lambda: not gate.matches(ann, faces[0]))
        clock.shows = Now(2.0, morning, True)
        until(lambda: gate.matches(ann, faces[0]))
    clock = at(place, morning + 5_000 * day, False)
    gate = place.gates["north"]
    until(lambda: gate.now() is not None)
    assert gate.matches(ann, faces[0]), "a clock that is not synchronised has no say"
