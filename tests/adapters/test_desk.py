"""A desk that fails at something goes on from what is on its disk: whoever was revoked is out all the same."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge import files
from edge.authority import OFFICE
from edge.journal import Deed
from edge.office import Office
from edge.seal import Seal
from edge.signet import GATE_OPENS, read_key
from tests.adapters.brokers import until
from tests.adapters.sites import TOPICS, Place
from tests.adapters.test_sync import opens
from tests.commands import answer

pytestmark = pytest.mark.real


@contextmanager
def no_larger_than(path: Path, process: int) -> Iterator[None]:
    """The process can make no file larger than this one is; the log that SQLite writes ahead of it is smaller."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def issued(place: Place) -> None:
    """Wait until the desk has recorded the list as it is."""
    until(lambda: place.town.office().head()[0] == place.town.people().revision())


def test_who_was_revoked_is_out_though_the_desk_failed_after_it_was_recorded(place: Place) -> None:
    """The database cannot grow by what its write-ahead log has, so a change is recorded and tidying up then fails."""
    ann, face = place.enroll("Ann")
    place.town.enroll(60)
    place.town.people().revoke(place.enroll("Bob")[0])
    place.start("broker", "north")
    place.town.start_desk()
    place.wait(61)
    database, log = place.town.root / "state" / OFFICE, place.town.root / "desk.log"
    place.town.enroll(10)
    place.wait(71)
    issued(place)
    with no_larger_than(database, place.town.processes["desk"].pid):
        place.town.people().revoke(ann)
        until(lambda: b"desk.sqlite cannot be used" in log.read_bytes())
        place.wait(70)
    assert not place.gates["north"].matches(ann, face)
    assert place.town.processes["desk"].poll() is None, "it did not have to be started again"
    place.enroll("Cem")
    until(lambda: not Path(f"{database}-wal").stat().st_size)


def test_a_desk_that_fails_while_there_is_no_broker_tells_it_and_goes_on_when_it_can(place: Place) -> None:
    """Again and again: what it does about a failure fails as well."""
    place.town.enroll(60)
    ann, face = place.enroll("Ann")
    place.start("broker", "north")
    place.town.start_desk()
    place.wait(61)
    database, log = place.town.root / "state" / OFFICE, place.town.root / "desk.log"
    place.town.broker.kill()
    until(lambda: b"connection refused" in log.read_bytes())
    with no_larger_than(database, place.town.processes["desk"].pid):
        place.town.people().revoke(ann)
        until(lambda: b"desk.sqlite cannot be used" in log.read_bytes())
        place.start("broker")
    place.wait(60)
    issued(place)
    assert not place.gates["north"].matches(ann, face)
    assert place.town.processes["desk"].poll() is None, "it did not have to be started again"


def test_a_gate_is_shut_out_though_the_desk_failed_at_it_first(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody holds the list's file for longer than the desk waits for it."""
    place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    office = place.town.office()
    key, known = office.newest_key(), lambda: TOPICS.keys("south") in office.hashes()
    assert known()
    with files.database(place.town.people().path) as held:
        held.execute("BEGIN IMMEDIATE")
        office.shut_out("south")
        until(lambda: "database is locked" in caplog.text)
    until(lambda: not known())
    assert office.newest_key() != key


def test_a_gate_that_was_added_anew_while_the_desk_was_away_leaves_the_thief_of_the_one_before_nothing(
    place: Place,
) -> None:
    ann, face = place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("desk")
    stolen = place.town.office().message(TOPICS.keys("south")), read_key(place.town.sites["south"].secrets / GATE_OPENS)
    answer("gates", "revoke", "south", *place.town.options)
    answer("gates", "add", "south", "--into", place.town.root / "anew", *place.town.options)
    assert opens(place.town, ann, *stolen)
    place.start("desk")
    until(lambda: not opens(place.town, ann, *stolen))
    issued(place)
    place.wait(1)
    assert place.gates["north"].matches(ann, face)
    made = [each.line.subject for each in place.audit().lines() if each.line.deed is Deed.KEY_MADE]
    assert made == [place.town.office().newest_key()]


def test_a_desk_that_was_killed_before_everybody_was_sealed_anew_does_so_when_it_is_back(place: Place) -> None:
    ann, _ = place.enroll("Ann")
    place.start("broker")
    place.town.start_desk()
    office = place.town.office()
    until(lambda: TOPICS.keys("south") in office.hashes())
    issued(place)
    stolen = office.message(TOPICS.keys("south")), read_key(place.town.sites["south"].secrets / GATE_OPENS)
    with files.database(place.town.people().path) as held:
        held.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            office.new_content_key()
        until(lambda: len(office.content_keys()) == 2)  # it has begun, and waits for the list
        place.town.kill("desk")
    assert opens(place.town, ann, *stolen)
    place.town.start_desk()
    until(lambda: not opens(place.town, ann, *stolen))


def test_the_newest_content_key_is_the_last_that_was_made_though_the_clock_was_set_back(tmp_path: Path) -> None:
    office = Office(tmp_path / OFFICE, Seal(bytes(32)))
    [first] = office.content_keys()
    with files.database(office.path) as db:
        db.execute("UPDATE keys SET made_at = made_at + 3600")  # by the clock as it was then
    assert list(office.new_content_key()) == [first, office.newest_key()] and office.key_is_due()
