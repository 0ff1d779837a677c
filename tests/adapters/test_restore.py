"""A restore is whole or has left nothing, wherever it is killed; so is what a desk learns after it."""

import itertools
import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from edge import backup, files
from edge.backup import KEY_FILE, PUBLIC, RESTORED, RESTORING
from edge.desk import Desk
from edge.errors import EdgeError, OutdatedError, StoreError
from edge.recovery import Recoverer
from edge.restore import restore
from tests.adapters.killed import killed_before
from tests.adapters.rooms import Room, furnished

pytestmark = pytest.mark.real


class Lost:
    """A desk that was backed up, with somebody enrolled, and then lost with its machine."""

    def __init__(self, room: Room, root: Path) -> None:
        self.room, self.file, self.safe = room, root / "desk.age", root / "safe" / KEY_FILE
        self.state, self.keys = room.config.state, room.credentials.directory
        backup.new_recovery_key(self.safe)
        shutil.copy(self.safe.with_suffix(".pub"), self.keys / PUBLIC)
        self.save("Ann", self.file)
        self.secrets = {path.name: path.read_bytes() for path in self.keys.iterdir()}
        self.burn()

    def save(self, name: str, file: Path) -> None:
        self.room.enroll(name)
        backup.save(self.room.config, self.room.credentials, file)

    def burn(self) -> None:
        for folder in (self.state, self.keys):
            shutil.rmtree(folder, ignore_errors=True)

    def restore(self, file: Path | None = None) -> None:
        restore(self.room.config, self.room.credentials, file or self.file, self.safe.read_text())

    def whole(self) -> None:
        """Everything is in its place, and nothing besides."""
        found = {path.name: path.read_bytes() for path in self.keys.iterdir()}
        assert found == self.secrets
        assert {path.name for path in self.state.iterdir()} == {"desk.sqlite", "whitelist.sqlite", RESTORED}
        assert [each.name for each in self.room.people.people(date.today())] == ["Ann"]


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Lost]:
    with furnished(tmp_path) as room:
        yield Lost(room, tmp_path)


def refused(lost: Lost) -> None:
    """Parts of a desk are no desk: it does not run, is not recovered, is not backed up, and nothing is made of them."""
    given, before = (lost.room.config, lost.room.credentials), sorted(lost.state.parent.rglob("*"))
    for work in (
        lambda: Desk(*given),
        lambda: Recoverer(*given),
        lambda: backup.save(*given, lost.file.with_name("b")),
    ):
        with pytest.raises(EdgeError):
            work()
    assert sorted(lost.state.parent.rglob("*")) == before


@pytest.mark.slow
def test_a_restore_that_was_killed_leaves_no_desk_that_runs_and_is_done_again(lost: Lost) -> None:
    parts = 0
    for steps in itertools.count():
        killed = killed_before(steps, lost.state.parent, lost.restore)
        if (lost.state / RESTORING).exists():
            parts += 1
            refused(lost)
        if not (lost.state / RESTORED).exists():
            lost.restore()
        lost.whole()
        if not killed:
            break
        lost.burn()
    assert parts > len(lost.secrets), "it was killed between any two of the files"


@pytest.mark.slow
def test_what_somebody_has_put_there_since_stays_and_the_rest_of_a_killed_restore_goes(lost: Lost) -> None:
    """Also when another backup is taken: whatever is left of the first is in its file."""
    steps = 0
    while not (lost.state / "whitelist.sqlite").exists() or (lost.state / RESTORED).exists():
        lost.burn()
        assert killed_before(steps, lost.state.parent, lost.restore)
        steps += 1
    (lost.keys / "desk.key").write_bytes(b"made anew")
    with pytest.raises(StoreError, match=r"desk\.key already"):
        lost.restore()
    assert [path.name for path in lost.keys.iterdir()] == ["desk.key"]
    assert not any(lost.state.iterdir())
    (lost.keys / "desk.key").unlink()
    lost.restore()
    lost.whole()


def test_a_damaged_plan_of_a_restore_says_what_is_to_be_moved_away(lost: Lost) -> None:
    lost.state.mkdir()
    (lost.state / RESTORING).write_bytes(b"")
    with pytest.raises(StoreError, match=rf"move all that is in {lost.state} away"):
        lost.restore()
    lost.state.rename(lost.state.with_name("away"))
    lost.restore()
    lost.whole()


def test_a_backup_that_was_killed_stands_in_the_way_of_no_other_and_is_cleared_by_it(lost: Lost) -> None:
    lost.restore()
    (lost.state / RESTORED).unlink()
    again = lost.file.with_name("again.age")
    save = partial(backup.save, lost.room.config, lost.room.credentials, again)
    steps = 0
    while not files.draft(again).exists():
        assert killed_before(steps, lost.file.parent, save)
        steps += 1
    save()
    assert not any(lost.state.glob(f"{backup.SCRATCH}*")), "the copies of those that were killed are gone"
    with backup._scratch(lost.state) as running:
        lost.save("Bob", again.with_name("later.age"))
        assert list(lost.state.glob(f"{backup.SCRATCH}*")) == [running]
    lost.burn()
    lost.restore(again)
    lost.whole()


def test_a_recovery_that_was_killed_is_done_again_before_the_desk_runs(lost: Lost) -> None:
    given = (lost.room.config, lost.room.credentials)
    for steps in itertools.count():
        lost.restore()
        killed = killed_before(steps, lost.state, lambda: Recoverer(*given).recover([], 1.0, accept=True))
        if (lost.state / RESTORED).exists():
            with pytest.raises(OutdatedError):
                Desk(*given)
            assert Recoverer(*given).recover([], 1.0, accept=True).revision
        Desk(*given).office.close()
        assert [each.name for each in lost.room.people.people(date.today())] == ["Ann"]
        if not killed:
            break
        lost.burn()
