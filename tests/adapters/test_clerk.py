"""Requests of workstations at a real database: what is done, for whom, once, and what is not even answered."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import msgspec
import pytest

from edge.audit import Audit
from edge.clerk import Clerk
from edge.enrolled import Applicant, Bounds, Edit
from edge.errors import RefusedError, StoreError
from edge.journal import Deed
from edge.pins import stretched
from edge.records import Kind, decode, encode, parse
from edge.requests import (
    Admit,
    Change,
    Done,
    Erase,
    Head,
    Overtaken,
    Refused,
    Request,
    Restore,
    Revoke,
    Show,
    Shown,
    Stale,
    substance,
)
from edge.signet import Stamp, new_signing_pair, read_key
from edge.town import synthetic
from tests.adapters.rooms import CONSENT, PACK, RNG, SITE, Room, furnished, office
from tests.conftest import fill


def test_the_first_deed_wins_and_the_other_is_told_whose_it_was(room: Room) -> None:
    ann = room.enroll().person
    levels = Edit(bounds=Bounds(("lobby",)))
    first = room.ask("front", Change(ann.id, ann.revision, levels))
    assert isinstance(first, Done) and first.person.bounds.levels == ("lobby",) and not first.repeated
    for late in (Change(ann.id, ann.revision, Edit(name="Anna")), Erase(ann.id, ann.revision)):
        told = room.ask("back", late)
        assert isinstance(told, Overtaken) and told.deed == "person.changed" and told.by.endswith(" @ front")
    assert room.people.person(ann.id, date.today()) == first.person
    again = room.ask("back", Change(ann.id, first.person.revision, Edit(name="Anna")))
    assert isinstance(again, Done) and again.person.name == "Anna" and again.person.bounds.levels == ("lobby",)
    assert [actor.split(" @ ")[1] for actor, _ in room.lines(Deed.CHANGED)] == ["front", "back"]


def test_a_revocation_is_late_for_nothing_and_the_second_is_told_of_the_first(room: Room) -> None:
    ann = room.enroll().person
    room.ask("front", Change(ann.id, ann.revision, Edit(name="Anna")))
    assert isinstance(room.ask("back", Revoke(ann.id)), Done)
    told = room.ask("front", Revoke(ann.id), "r2")
    assert isinstance(told, Overtaken) and (told.deed, told.by[-7:]) == ("person.revoked", " @ back")
    shown = room.ask("front", Show(ann.id))
    assert isinstance(shown, Shown) and shown.person.revoked_at and shown.pending == []
    back = room.ask("front", Restore(ann.id, shown.person.revision), "r3")
    assert isinstance(back, Done) and back.person.revoked_at is None


def test_a_deed_is_done_once_however_often_its_message_comes(room: Room) -> None:
    ann = room.enroll().person
    message = room.message("front", change := Change(ann.id, ann.revision, Edit(name="Anna")))
    first = room.hand("front", message)
    with closing(Clerk(room.config, room.credentials)) as restarted:
        for again in (room.hand("front", message), room.hand("front", message, restarted), room.ask("front", change)):
            assert isinstance(first, Done) and again == Done(first.person, repeated=True)
    assert len(room.lines(Deed.CHANGED)) == 1


def test_under_the_id_of_a_request_nothing_else_is_taken_for_done(room: Room) -> None:
    ann, bob = room.enroll().person, room.enroll("Bob").person
    pins = Edit(pin=stretched("483920", SITE), duress=stretched("594031", SITE))
    first = room.ask("front", Change(ann.id, ann.revision, pins))
    assert isinstance(first, Done)
    again = Change(ann.id, first.person.revision, pins)
    assert room.ask("front", again) == Done(first.person, repeated=True), "on another basis it is the same"
    others = (Edit(pin=stretched("271828", SITE), duress=pins.duress), Edit(name="Anna"), Edit(pin=pins.pin, duress=""))
    asks = [*(Change(ann.id, first.person.revision, edit) for edit in others), Change(bob.id, bob.revision, pins)]
    for ask in (*asks, Revoke(ann.id), Admit(Applicant("Ann", CONSENT), PACK.id, 0, b"")):
        told = room.ask("front", ask)
        assert isinstance(told, Refused) and told.text.startswith("under this id something else was done"), ask
        assert (told.fields["deed"], told.fields["person"]) == ("person.changed", ann.id)
    assert isinstance(room.ask("back", Change(bob.id, bob.revision, pins)), Done), "the id is one workstation's"


def test_who_is_enrolled_under_an_id_is_whom_it_named_also_from_another_picture(room: Room) -> None:
    ann, twice = room.enroll().person, synthetic(RNG, PACK.dimension)
    content = twice.astype("<f4").tobytes()
    for ask, done in (
        (Admit(Applicant("Ann", CONSENT), PACK.id, PACK.dimension, content), True),
        (Admit(Applicant("Ann", CONSENT), PACK.id, 0, b""), False),
        (Admit(Applicant("Bob", CONSENT), PACK.id, PACK.dimension, content), False),
        (Admit(Applicant("Ann", CONSENT, number="7"), PACK.id, PACK.dimension, content), False),
    ):
        told = room.ask("front", ask, "enrol Ann")
        assert told == Done(ann, repeated=True) if done else isinstance(told, Refused), ask
    assert room.people.people(date.today()) == [ann]


def test_what_a_request_said_of_somebody_is_sealed_and_goes_with_them(room: Room) -> None:
    ann = room.enroll().person
    change = Change(ann.id, ann.revision, Edit(pin=stretched("483920", SITE)))
    changed = room.ask("front", change)
    assert isinstance(changed, Done) and asked(room) and substance(change) not in b"".join(asked(room))
    erase = Erase(ann.id, changed.person.revision)
    gone = room.ask("front", erase, "r2")
    assert isinstance(gone, Done) and len(asked(room)) == 1
    assert room.ask("front", erase, "r2") == Done(gone.person, repeated=True)
    assert isinstance(room.ask("front", change), Refused)


def asked(room: Room) -> list[bytes]:
    """What is kept of what was asked for."""
    with closing(sqlite3.connect(room.config.state / "whitelist.sqlite")) as db:
        return [row[0] for row in db.execute("SELECT asked FROM requests WHERE asked IS NOT NULL")]


def test_what_was_refused_or_held_back_does_not_act_later(room: Room) -> None:
    ann, bob = room.enroll("Ann").person, room.enroll("Bob").person
    numbered = room.ask("front", Change(ann.id, ann.revision, Edit(number="7")), "r2")
    message = room.message("front", Change(bob.id, bob.revision, Edit(number="7")), "r3")
    held_back = room.message("front", Erase(bob.id, bob.revision), "r4")
    assert isinstance(told := room.hand("front", message), Refused) and told.fields["reason"] == "number_taken"
    assert isinstance(numbered, Done)
    room.ask("back", Change(ann.id, numbered.person.revision, Edit(number="")))
    assert room.hand("front", message) == told, "the number is free by now, and yet"
    with closing(Clerk(room.config, room.credentials)) as restarted:
        assert room.hand("front", message, restarted) == room.hand("front", held_back, restarted) == Stale()
    assert room.people.person(bob.id, date.today()) == bob


def test_what_nobody_authorised_has_signed_is_not_answered_but_told(room: Room) -> None:
    ann = room.enroll().person
    revision = room.people.revision()
    message = room.message("front", Revoke(ann.id))
    signed = parse(message)
    request = decode(signed.payload, Request)
    head = decode(bytes(request.head), Head)
    back = Stamp(read_key(room.config.state.parent / "back/workstation-sign.key"))
    front = Stamp(read_key(room.config.state.parent / "front/workstation-sign.key"))
    renamed = encode(msgspec.structs.replace(head, workstation="back"))
    another = encode(msgspec.structs.replace(head, desk="0" * 16))
    for name, hostile in (
        ("back", message),  # another's topic
        ("front", back.sign(Kind.REQUEST, signed.payload)),  # another's name
        ("back", back.sign(Kind.REQUEST, encode(Request(msgspec.Raw(renamed), request.sealed)))),  # another's words
        ("front", front.sign(Kind.REQUEST, encode(Request(msgspec.Raw(another), request.sealed)))),
        ("front", front.sign(Kind.REPORT, signed.payload)),
        ("front", Stamp(new_signing_pair().private).sign(Kind.REQUEST, signed.payload)),
        ("front", room.message("other/front", Revoke(ann.id))),  # signed and sealed well, for another site
        ("front", room.message(f"{SITE}/another", Revoke(ann.id))),  # under a name that is not its own
        ("front", message[:-1]),
        ("front", message[:-70] + bytes([message[-70] ^ 1]) + message[-69:]),
        ("front", b""),
        ("nobody", message),
    ):
        assert room.clerk.hear(name, hostile) is None, (name, hostile)
    assert room.people.revision() == revision and room.people.person(ann.id, date.today()) == ann
    told = [said.line for said in Audit.of(room.config, room.credentials).lines()]
    reasons = [(line.subject, line.data.details["why"]) for line in told if line.deed is Deed.REQUEST_REFUSED]
    assert len(reasons) == len(set(reasons)) == 8, "each once a name"
    assert {("back", "its signature is not that of the workstation"), ("?", "there is no such workstation")} < set(
        reasons
    )
    assert isinstance(room.hand("front", message), Done), "the true one is not hurt by them"


def test_a_workstation_that_was_shut_out_is_told_so_and_nothing_is_done_for_it(room: Room) -> None:
    ann = room.enroll().person
    with closing(office(room.config, room.credentials)) as open_:
        open_.shut_out("front", "workstations")
    for ask in (Revoke(ann.id), Show(ann.id)):
        told = room.ask("front", ask)
        assert isinstance(told, Refused) and "was shut out" in told.text
    assert room.people.person(ann.id, date.today()) == ann


def test_a_face_that_is_enrolled_is_refused_by_the_desk_with_whose_it_is(room: Room) -> None:
    faces = synthetic(RNG, PACK.dimension)
    ann = room.enroll(faces=faces).person
    applicant, content = Applicant("Somebody", CONSENT), faces[:1].astype("<f4").tobytes()
    told = room.ask("back", Admit(applicant, PACK.id, PACK.dimension, content))
    assert isinstance(told, Refused) and (told.fields["person"], told.fields["reason"]) == (ann.id, "already_enrolled")
    twin = msgspec.structs.replace(applicant, another="her twin")
    assert isinstance(room.ask("back", Admit(twin, PACK.id, PACK.dimension, content), "r2"), Done)


def test_what_the_desk_cannot_do_is_no_refusal_of_what_was_asked(small_disk: Path) -> None:
    """With its disk full: the workstation stops, and what it asks is done once there is room."""
    with furnished(small_disk) as room:
        front, people = room.counters["front"], 0
        fill(small_disk / "filled")
        while isinstance(told := room.ask("front", _admission(people), f"r{people}"), Done):
            people += 1  # in pages that were free
        with pytest.raises(StoreError, match=r"the desk says: the whitelist .* cannot be used"):
            front._expected(told, Done)
        (small_disk / "filled").unlink()
        assert isinstance(room.ask("front", _admission(people), "again"), Done)
        assert len(room.people.people(date.today())) == people + 1


def _admission(number: int) -> Admit:
    faces = synthetic(RNG, PACK.dimension).astype("<f4").tobytes()
    return Admit(Applicant("Ann", CONSENT, number=str(number)), PACK.id, PACK.dimension, faces)


def test_a_workstation_with_another_pack_is_told_so_once_and_not_for_every_row(room: Room) -> None:
    told = room.ask("front", msgspec.structs.replace(_admission(1), pack="other-1"))
    with pytest.raises(StoreError, match="the workstation runs the model pack other-1"):
        room.counters["front"]._expected(told, Done)


def test_a_number_that_is_taken_is_a_refusal_of_what_was_asked(room: Room) -> None:
    assert isinstance(room.ask("front", _admission(7)), Done)
    with pytest.raises(RefusedError) as told:
        room.counters["front"]._expected(room.ask("front", _admission(7), "r2"), Done)
    assert told.value.reason == "number_taken"
