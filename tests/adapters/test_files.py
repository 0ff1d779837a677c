"""Files of a gate's state belong to the user that the gate runs as, whoever made them."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from edge import files
from edge.drillbook import leave
from edge.errors import StoreError
from edge.eventlog import EventLog
from edge.events import DrillReport
from edge.factlog import FactLog
from edge.seal import Seal
from edge.whitelist import Whitelist
from tests.adapters.brokers import until
from tests.conftest import fill, need
from tests.core.worlds import gate_rules

pytestmark = pytest.mark.real

OWNER = 12345, 12346


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory of a service."""
    need(os.geteuid() == 0, "root, who may give files away")
    directory = tmp_path / "state"
    directory.mkdir()
    os.chown(directory, *OWNER)
    return directory


@contextmanager
def whitelist(state: Path) -> Iterator[None]:
    with Whitelist(state / "whitelist.sqlite", Seal(bytes(32)), write=True)._changing():
        yield


@contextmanager
def event_log(state: Path) -> Iterator[None]:
    with closing(EventLog(state / "outbox.sqlite", "hq", "lobby")):
        yield


@contextmanager
def fact_log(state: Path) -> Iterator[None]:
    with closing(FactLog(state / "facts.jsonl", gate_rules(), 2**20)):
        until(lambda: (state / "facts.jsonl").exists() and (state / "facts.jsonl").stat().st_size > 0)
        yield


@pytest.mark.parametrize(("made", "count"), [(whitelist, 3), (event_log, 3), (fact_log, 1)])
def test_what_root_makes_is_for_the_owner_of_the_directory_alone(
    state: Path, made: Callable[[Path], AbstractContextManager[None]], count: int
) -> None:
    with made(state):  # a database has its two journals meanwhile
        found = [path.stat() for path in state.iterdir()]
    assert len(found) == count
    assert {(each.st_uid, each.st_gid, oct(each.st_mode)) for each in found} == {(*OWNER, "0o100600")}


def test_root_gives_away_nothing_that_was_there(state: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    (state / "link").symlink_to(secret)
    os.link(secret, state / "name")
    for path in state.iterdir():
        files.make(path)
    assert (secret.stat().st_uid, secret.stat().st_gid) == (0, 0)


def test_what_root_replaces_keeps_its_owner_and_its_mode(state: Path) -> None:
    path = state / "inside.json"
    path.write_bytes(b"before")
    path.chmod(0o640)
    os.chown(path, OWNER[0], 7)
    files.replace(path, b"after")
    found = path.stat()
    assert (found.st_uid, found.st_gid, oct(found.st_mode), path.read_bytes()) == (OWNER[0], 7, "0o100640", b"after")
    files.replace(path, b"a secret", 0o600)
    assert (path.stat().st_uid, oct(path.stat().st_mode)) == (OWNER[0], "0o100600")


def test_what_root_writes_is_given_to_nobody_who_waits_for_it(state: Path, tmp_path: Path) -> None:
    """Somebody has put a file of theirs into a directory that they share, or a link into one of their own."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    theirs, link, secret = shared / "people.csv", state / "inside.json", tmp_path / "secret"
    theirs.touch(mode=0o666)
    secret.write_bytes(b"before")
    secret.chmod(0o644)
    os.chown(theirs, *OWNER)
    link.symlink_to(secret)
    files.draft(link).symlink_to(secret)
    for path in (theirs, link):
        files.replace(path, b"after")
        found = path.lstat()
        assert (found.st_uid, oct(found.st_mode)) == (0, "0o100600"), path
    assert secret.read_bytes() == b"before" and secret.stat().st_uid == 0


def test_a_drill_of_root_stands_in_nobodys_way_later(state: Path) -> None:
    report = leave(state, DrillReport("in", "main", True, True, 300.0, {}), 1e9)
    assert {(each.stat().st_uid, each.stat().st_gid) for each in (report, report.parent)} == {OWNER}


def test_a_file_in_the_place_of_a_directory_is_told_and_stays(state: Path) -> None:
    (state / "drills").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        leave(state, DrillReport("in", "main", True, True, 300.0, {}), 1e9)
    assert (state / "drills").read_text() == "x"


def test_a_new_key_is_on_the_disk_with_its_name(tmp_path: Path, synced: list[str]) -> None:
    files.secret(tmp_path / "desk.key", b"key")
    assert synced == [str(tmp_path / ".desk.key.new"), str(tmp_path)]


def test_of_a_key_for_which_there_is_no_room_nothing_stays(small_disk: Path) -> None:
    files.secret(small_disk / "desk.key", b"key")
    fill(small_disk / "filled")
    with pytest.raises(OSError, match="No space"):
        files.secret(small_disk / "desk-next.key", b"another")
    with pytest.raises(FileExistsError):
        files.secret(small_disk / "desk.key", b"another")
    assert (small_disk / "desk.key").read_bytes() == b"key" and not (small_disk / "desk-next.key").exists()
