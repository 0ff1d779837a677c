"""The desk is backed up while it runs, into a file that its recovery key alone opens."""

import io
import os
import tarfile
from pathlib import Path

import pyrage
import pytest
from pyrage import x25519

from edge.backup import KEY_FILE, new_recovery_key
from edge.config import Credentials
from edge.errors import StoreError
from edge.journal import Deed
from edge.restore import restore as restore_from
from edge.signet import DESK_PUBLIC, Checker, read_key
from tests.adapters.brokers import until
from tests.adapters.restored import enroll, lose, restore, standings
from tests.adapters.sites import TOPICS, Place
from tests.commands import answer, complaint, run
from tests.conftest import fill

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("insured")]


def test_a_backup_opens_with_its_key_alone_and_replaces_nothing(place: Place) -> None:
    root = place.town.root
    enroll(place, "Ann")
    answer("desk", "backup", root / "desk.age", *place.town.options)
    assert "name another" in complaint("desk", "backup", root / "desk.age", *place.town.options)
    content = (root / "desk.age").read_bytes()
    assert (root / "desk.age").stat().st_mode & 0o777 == 0o600
    identity = x25519.Identity.from_str((root / "safe" / KEY_FILE).read_text().strip())
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(content, [identity]))) as archive:
        assert {"state/desk.sqlite", "state/whitelist.sqlite", "credentials/desk.key"} <= set(archive.getnames())
    assert "a restore replaces nothing" in complaint(
        "desk", "restore", root / "desk.age", "--key", root / "safe" / KEY_FILE, *place.town.options
    )
    lose(place)
    new_recovery_key(root / "other" / KEY_FILE)
    for file, key in ((content, root / "other" / KEY_FILE), (content[:-100], root / "safe" / KEY_FILE)):
        (root / "try.age").write_bytes(file)
        said = complaint("desk", "restore", root / "try.age", "--key", key, *place.town.options)
        assert "does not open with this recovery key" in said
        assert not (root / "state").exists() and not (root / "credentials").exists(), "nothing is made"
    said = complaint("desk", "restore", root / "desk.age", "--key", root / "desk.toml", *place.town.options)
    assert "no recovery key" in said
    restore(place, root / "desk.age")
    assert [person.name for person in standings(place).values()] == ["Ann"]
    assert (root / "credentials").stat().st_mode & 0o777 == 0o700
    assert (root / "credentials/desk.key").stat().st_mode & 0o777 == 0o600


def test_of_a_restore_for_which_there_is_no_room_nothing_stays_and_it_can_be_done_again(
    place: Place, small_disk: Path
) -> None:
    root, credentials = place.town.root, small_disk / "credentials"
    enroll(place, "Ann")
    answer("desk", "backup", root / "desk.age", *place.town.options)
    lose(place)
    fill(small_disk / "full")
    os.truncate(small_disk / "full", (small_disk / "full").stat().st_size - 3 * 4096)  # room for a directory and some
    config, key = place.town.config, (root / "safe" / KEY_FILE).read_text()
    with pytest.raises(StoreError, match="there is room on the disk"):
        restore_from(config, Credentials(credentials), root / "desk.age", key)
    assert not (root / "state").exists() and not any(credentials.iterdir())
    (small_disk / "full").unlink()
    restore_from(config, Credentials(credentials), root / "desk.age", key)
    assert {"desk.key", "whitelist.key"} <= {path.name for path in credentials.iterdir()}


def test_erasing_somebody_says_which_backups_still_hold_the_record(place: Place) -> None:
    ann = enroll(place, "Ann")
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
    bob = enroll(place, "Bob")
    made = place.audit().last(Deed.BACKED_UP)
    assert made and "still hold the record" in run("people", "erase", ann, "--wait", "0", *place.town.options).stdout
    assert answer("people", "erase", bob, "--wait", "0", *place.town.options)["in_backups_until"] is None


def all_sent(place: Place) -> bool:
    """Whether the desk has sent all that it has recorded, which it does a moment afterwards."""
    desk = place.desk
    assert desk
    return desk.expected == place.town.office().hashes() and not desk.outgoing


def test_a_backup_that_was_made_after_a_rotation_has_the_new_keys(place: Place) -> None:
    ann, secrets = enroll(place, "Ann"), place.town.credentials
    before = read_key(secrets.path(DESK_PUBLIC))
    for rotate in (["content"], ["signing"], ["signing", "--finish", "--leave-behind"]):
        answer("keys", "rotate", *rotate, *place.town.options)
    place.start("broker", "desk")
    until(lambda: TOPICS.person(ann) in place.town.office().hashes())
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
    place.town.people().revoke(ann)
    revision = place.town.people().revision()
    until(lambda: place.town.office().head()[0] == revision and all_sent(place))
    public, kid = read_key(secrets.path(DESK_PUBLIC)), place.town.office().newest_key()
    lose(place)
    restore(place, place.town.root / "desk.age")
    assert (read_key(secrets.path(DESK_PUBLIC)), place.town.office().newest_key()) == (public, kid) and public != before
    told = answer("desk", "recover", "--listen", "3", "--accept", *place.town.options)
    assert (told["revoked"], told["unread"]) == ([ann], [])
    place.start("desk")
    until(lambda: place.town.office().head()[0] == place.town.people().revision())
    assert Checker([public])(place.town.office().message(TOPICS.manifest)).kind == "manifest"
