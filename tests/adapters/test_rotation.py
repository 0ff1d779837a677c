"""Keys of the desk are rotated while gates decide: nobody is refused, and the old key means nothing after."""

import shutil

import pytest

from edge.records import Kind, Topics
from edge.signet import DESK_NEXT, DESK_PUBLIC, Checker, Stamp, read_key
from edge.town import SITE
from tests.adapters.brokers import until
from tests.adapters.sites import Place
from tests.commands import answer

pytestmark = pytest.mark.real


def options(place: Place) -> list[object]:
    return ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]


def test_a_content_key_is_rotated_under_way(place: Place) -> None:
    ann, face = place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    before = place.town.office().hashes()[Topics(SITE).person(ann)]
    told = answer("keys", "rotate", "content", *options(place))
    until(lambda: place.town.office().hashes()[Topics(SITE).person(ann)] != before)
    revision = place.town.people().revision()
    until(lambda: (loaded := place.gates["north"].now()) and loaded.fact.revision == revision)
    seen = place.gates["north"].seen
    assert place.gates["north"].matches(ann, face) and min(seen[seen.index(1) :]) == 1, "nobody was lost on the way"
    assert told["key"] in {line.line.subject for line in place.audit().lines()}


def test_a_signing_key_is_rotated_and_the_old_one_signs_for_nobody(place: Place) -> None:
    ann, face = place.enroll("Ann")
    bob, _ = place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    place.town.people().revoke(bob)
    place.wait(1)
    old = read_key(place.town.root / "credentials/desk.key")
    answer("keys", "rotate", "signing", *options(place))
    place.stop("north")
    secrets = place.town.sites["north"].secrets
    shutil.copy(place.town.root / "credentials" / DESK_NEXT, secrets / DESK_NEXT)
    place.start("north")
    place.wait(1)
    place.stop("desk")
    answer("keys", "rotate", "signing", "--finish", *options(place))
    place.start("desk")
    until(lambda: (loaded := place.gates["north"].now()) and loaded.fact.revision == place.town.office().head()[0] > 3)
    place.stop("north")
    (secrets / DESK_NEXT).replace(secrets / DESK_PUBLIC)
    place.start("north")
    place.wait(1)
    assert place.gates["north"].matches(ann, face)
    check, office = Checker([read_key(secrets / DESK_PUBLIC)]), place.town.office()
    messages = [office.message(topic) for topic in office.hashes()]
    assert {check(message).kind for message in messages} >= {Kind.TOMBSTONE, Kind.RECORD, Kind.INDEX, Kind.MANIFEST}
    forged = Stamp(old).sign(Kind.MANIFEST, check(office.message(Topics(SITE).manifest)).payload)
    assert place.gates["north"].follower._roster.feed(Topics(SITE).manifest, forged) == []
    assert "manifest" in place.gates["north"].follower._roster.problems
