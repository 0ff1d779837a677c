"""The desk is backed up while it runs and restored after days: who was revoked since stays out, at every gate."""

import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pyrage
import pytest
from cryptography import x509
from pyrage import x25519

from edge import follow
from edge.backup import KEY_FILE, PUBLIC, new_recovery_key
from edge.certificates import CA_KEY, authority, revocations
from edge.enrolled import Bounds, Edit, Person, Standing
from edge.journal import Deed
from edge.models import manifest
from edge.mqtt import Lost, Message
from edge.signet import DESK_PUBLIC, Checker, read_key
from edge.town import CONSENT, PACK, synthetic
from tests.adapters.brokers import until
from tests.adapters.sites import TOPICS, Place, member, say
from tests.commands import answer, complaint, run

pytestmark = pytest.mark.real


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(follow, "REPORT_EVERY_S", 0.5)  # what a restored desk waits for
    place = Place(tmp_path)
    new_recovery_key(tmp_path / "safe" / KEY_FILE)
    shutil.copy(tmp_path / "safe" / PUBLIC, place.town.root / "credentials" / PUBLIC)
    yield place
    place.close()


def options(place: Place) -> list[object]:
    return ["--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]


def lose(place: Place) -> None:
    """The desk's machine burns down."""
    place.stop("desk")
    shutil.rmtree(place.town.root / "state")
    shutil.rmtree(place.town.root / "credentials")


def restore(place: Place, file: Path) -> None:
    answer("desk", "restore", file, "--key", place.town.root / "safe" / KEY_FILE, *options(place))


def standings(place: Place) -> dict[str, Person]:
    return {person.id: person for person in place.town.people().people(date.today())}


def enroll(place: Place, name: str, level: str = "") -> str:
    templates = synthetic(place.rng, manifest(PACK).dimension)
    bounds = Bounds((level,) if level else ())
    return place.town.people().enroll(name, CONSENT, manifest(PACK).id, templates, bounds).id


def test_a_restored_desk_learns_who_was_revoked_erased_and_changed_before_it_publishes(place: Place) -> None:
    root, names = place.town.root, ("revoked", "erased", "edited", "stays", "comes back")
    people = {name: enroll(place, name, "lab") for name in names}
    place.town.people().revoke(people["comes back"])
    place.start("broker", "desk", "north", "south")
    place.wait(4)
    told = answer("desk", "backup", root / "desk.age", *options(place))
    assert told["revision"] == place.town.people().revision()
    list_ = place.town.people()
    list_.revoke(people["revoked"])
    list_.erase(people["erased"])
    until(lambda: place.town.office().head()[0] == list_.revision())
    lost = place.town.office().message(TOPICS.manifest)
    list_.edit(people["edited"], Edit(bounds=Bounds(("canteen",))))
    list_.restore(people["comes back"], date.today())
    late = enroll(place, "late")
    erased = list_.person(people["erased"], date.today()).revision
    until(lambda: len(place.town.office().receipts(people["erased"], erased)) == 2)
    place.wait(4)
    before = list_.revision()
    lose(place)
    restore(place, root / "desk.age")
    assert standings(place)[people["revoked"]].standing is Standing.ENROLLED, "the backup is older"
    assert "desk recover" in complaint("desk", "run", *options(place))
    told = answer("desk", "recover", *options(place))
    assert (told["revoked"], told["erased"], told["nameless"]) == ([people["revoked"]], [people["erased"]], [late])
    assert told["changed"] == sorted([people["edited"], people["comes back"]]) and told["lacking"] == []
    now = standings(place)
    assert {name: now[id_].standing for name, id_ in people.items()} == {
        "revoked": Standing.REVOKED, "erased": Standing.ERASED, "edited": Standing.ENROLLED,
        "stays": Standing.ENROLLED, "comes back": Standing.ENROLLED,
    }  # fmt: skip
    assert now[people["edited"]].bounds.levels == ("canteen",) and now[people["edited"]].name == "edited"
    assert now[late].standing is Standing.ENROLLED and now[people["erased"]].name == ""
    assert place.audit().verify()[1] is None and place.audit().last(Deed.RECOVERED)
    place.start("desk")
    revision = place.town.people().revision()
    assert revision > before
    until(lambda: all((now := gate.now()) and now.fact.revision == revision for gate in place.gates.values()))
    passing = {people[name] for name in ("edited", "stays", "comes back")} | {late}
    assert all(gate.loaded and set(gate.loaded.permits) == passing for gate in place.gates.values())
    until(lambda: len(place.town.office().receipts(people["erased"], now[people["erased"]].revision)) == 2)
    with closing(member(place.town, "desk")) as hostile:
        say(hostile, TOPICS.manifest, lost)  # a list of the days that the journal has lost
        hostile.subscribe([TOPICS.manifest])
        shown: list[bytes] = []
        truth = place.town.office().message(TOPICS.manifest)
        until(lambda: shown.extend(message.payload for message in hostile.turn(0.05)) or truth in shown)
    assert place.thread.is_alive()


def test_what_nobody_shows_is_named_and_a_gates_store_fills_the_gap(place: Place) -> None:
    ann, bob = enroll(place, "Ann"), enroll(place, "Bob")
    place.start("broker", "desk", "north", "south")
    place.wait(2)
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    place.town.people().revoke(ann)
    place.wait(1)
    until(lambda: place.gates["south"].follower._roster.graves == {})
    lose(place)
    place.stop("south")
    place.town.broker.kill()
    (place.town.root / "broker/mosquitto.db").unlink(missing_ok=True)
    place.start("broker")
    restore(place, place.town.root / "desk.age")
    assert "restored from a backup" in complaint_of_a_desk(place), "also where the broker knows of no later list"
    told = answer("desk", "recover", "--listen", "3", *options(place), status=1)
    assert not told["recovered"] and "south was not heard" in " ".join(told["lacking"])
    assert standings(place)[ann].standing is Standing.ENROLLED, "nothing is changed by half"
    store = place.town.sites["south"].config.state / "list.sqlite"
    told = answer("desk", "recover", "--listen", "1", "--store", store, "--accept", *options(place))
    assert (told["revoked"], told["recovered"]) == ([ann], True)
    assert "south was not heard" in str(place.audit().last(Deed.RECOVERED))
    place.start("desk", "south")
    until(lambda: all((now := gate.now()) and set(now.permits) == {bob} for gate in place.gates.values()))


def test_a_gate_that_was_shut_out_since_gets_no_keys_from_a_restored_desk(place: Place) -> None:
    ann = enroll(place, "Ann")
    place.start("broker", "desk", "north", "south")
    place.wait(1)
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    answer("gates", "revoke", "south", *options(place))
    until(lambda: TOPICS.keys("south") not in place.town.office().hashes())
    place.stop("south")
    place.wait(1)
    lose(place)
    restore(place, place.town.root / "desk.age")
    told = answer("desk", "recover", *options(place))
    assert (told["gates_shut_out"], told["unread"], told["lacking"]) == (["south"], [ann], [])
    assert [gate.name for gate in place.town.office().gates() if not gate.revoked_at] == ["north"]
    member(place.town, "south").close()
    place.town.broker.kill()
    place.town.broker.start()  # with the list that was written as its crlfile
    with pytest.raises(Lost):
        member(place.town, "south")
    member(place.town, "north").close()


def test_the_brokers_revocation_list_tells_a_restored_desk_whom_nobody_else_has_on_record(place: Place) -> None:
    root = place.town.root
    for name in ("front", "back"):
        answer("workstations", "add", name, "--into", root / name, *options(place))
    answer("desk", "backup", root / "desk.age", *options(place))
    answer("workstations", "revoke", "front", *options(place))
    answer("workstations", "add", "front", "--into", root / "front2", *options(place))
    kept = shutil.copy(answer("gates", "revoke", "south", *options(place))["crl"], root / "crlfile")
    listed = serials(kept)
    lose(place)
    place.start("broker")
    restore(place, root / "desk.age")
    recover = ["desk", "recover", "--listen", "1", "--accept"]
    assert "no revocation list" in complaint(*recover, "--crl", another_list(root / "x"), *options(place))
    assert "cannot be read" in complaint(*recover, "--crl", root / "desk.toml", *options(place))
    assert "do this again with --crl" in run(*recover, *options(place)).stdout
    assert not serials(root / "credentials/revoked.crl"), "from its own records it knows of nobody"
    told = answer(*recover, "--crl", kept, *options(place))
    assert (told["gates_shut_out"], told["workstations_shut_out"]) == (["south"], ["front"])
    assert told["workstations"] == ["back"] and serials(told["crl"]) == listed and len(listed) == 2
    with closing(place.town.office()) as office:
        assert [each.name for each in (*office.gates(), *office.workstations()) if not each.revoked_at] == [
            "north", "back",
        ]  # fmt: skip


def test_a_recovery_that_cannot_write_the_revocation_list_says_so_and_changes_nothing(place: Place) -> None:
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    lose(place)
    place.start("broker")
    restore(place, place.town.root / "desk.age")
    (place.town.root / "credentials" / CA_KEY).unlink()
    told = answer("desk", "recover", "--listen", "1", *options(place), status=1)
    assert any("the broker goes on with the one that it has" in each for each in told["lacking"])
    told = answer("desk", "recover", "--listen", "1", "--accept", *options(place))
    assert told["recovered"] and not told["crl"]


def serials(crl: object) -> set[int]:
    """Of the certificates on a revocation list."""
    return {each.serial_number for each in x509.load_pem_x509_crl(Path(str(crl)).read_bytes())}


def another_list(directory: Path) -> Path:
    """The revocation list of another desk."""
    directory.mkdir()
    authority(directory)
    (directory / "revoked.crl").write_bytes(revocations(directory, {"1a": 1.0}))
    return directory / "revoked.crl"


def test_the_workstations_that_a_backup_authorises_are_named_before_the_desk_runs(place: Place) -> None:
    for name in ("front", "back"):
        answer("workstations", "add", name, "--into", place.town.root / name, *options(place))
    answer("workstations", "revoke", "back", *options(place))
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    answer("workstations", "revoke", "front", *options(place))
    lose(place)
    place.start("broker")
    restore(place, place.town.root / "desk.age")
    recover = ["desk", "recover", "--listen", "1", "--accept", *options(place)]
    assert "revoked or added anew since: front\n" in run(*recover).stdout
    assert answer(*recover)["workstations"] == ["front"]
    recovered = place.audit().last(Deed.RECOVERED)
    assert recovered and recovered.data.details["workstations"] == "front"
    answer("workstations", "revoke", "front", *options(place))
    assert all(each.revoked_at for each in place.town.office().workstations())


def test_a_database_that_was_put_back_by_hand_publishes_nothing(place: Place) -> None:
    ann, _ = place.enroll("Ann")
    place.start("broker", "desk", "north")
    place.wait(1)
    place.stop("desk")
    shutil.copytree(place.town.root / "state", place.town.root / "copy")
    place.start("desk")
    place.town.people().revoke(ann)
    place.wait(0)
    place.stop("desk")
    before = shown(place)
    assert TOPICS.manifest in before
    shutil.rmtree(place.town.root / "state")
    (place.town.root / "copy").rename(place.town.root / "state")
    enroll(place, "somebody else")
    assert "edge-gate desk recover" in complaint_of_a_desk(place)
    assert shown(place) == before
    assert place.gates["north"].count() == 0, "Ann is not let in again"


def shown(place: Place) -> dict[str, bytes]:
    """What the broker has kept of the desk's; a message of our own that comes back behind it says that it was all."""
    fence, found = Message(f"{TOPICS.desk}/fence", b"all"), dict[str, bytes]()
    with closing(member(place.town, "desk")) as watcher:
        watcher.subscribe([f"{TOPICS.desk}/#"])
        watcher.publish(fence)
        until(lambda: found.update({each.topic: each.payload for each in watcher.turn(0.05)}) or fence.topic in found)
    return found


def complaint_of_a_desk(place: Place) -> str:
    done = run("desk", "run", *options(place))
    assert done.returncode == 1, done
    return done.stderr


def test_a_backup_opens_with_its_key_alone_and_replaces_nothing(place: Place) -> None:
    root = place.town.root
    enroll(place, "Ann")
    answer("desk", "backup", root / "desk.age", *options(place))
    assert "name another" in complaint("desk", "backup", root / "desk.age", *options(place))
    content = (root / "desk.age").read_bytes()
    assert (root / "desk.age").stat().st_mode & 0o777 == 0o600
    identity = x25519.Identity.from_str((root / "safe" / KEY_FILE).read_text().strip())
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(content, [identity]))) as archive:
        assert {"state/desk.sqlite", "state/whitelist.sqlite", "credentials/desk.key"} <= set(archive.getnames())
    assert "a restore replaces nothing" in complaint(
        "desk", "restore", root / "desk.age", "--key", root / "safe" / KEY_FILE, *options(place)
    )
    lose(place)
    new_recovery_key(root / "other" / KEY_FILE)
    for file, key in ((content, root / "other" / KEY_FILE), (content[:-100], root / "safe" / KEY_FILE)):
        (root / "try.age").write_bytes(file)
        said = complaint("desk", "restore", root / "try.age", "--key", key, *options(place))
        assert "does not open with this recovery key" in said
        assert not (root / "state").exists() and not (root / "credentials").exists(), "nothing is made"
    said = complaint("desk", "restore", root / "desk.age", "--key", root / "desk.toml", *options(place))
    assert "no recovery key" in said
    restore(place, root / "desk.age")
    assert [person.name for person in standings(place).values()] == ["Ann"]
    assert (root / "credentials").stat().st_mode & 0o777 == 0o700
    assert (root / "credentials/desk.key").stat().st_mode & 0o777 == 0o600


def test_erasing_somebody_says_which_backups_still_hold_the_record(place: Place) -> None:
    ann = enroll(place, "Ann")
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    bob = enroll(place, "Bob")
    made = place.audit().last(Deed.BACKED_UP)
    assert made and "still hold the record" in run("people", "erase", ann, "--wait", "0", *options(place)).stdout
    assert answer("people", "erase", bob, "--wait", "0", *options(place))["in_backups_until"] is None


def test_a_backup_that_was_made_after_a_rotation_has_the_new_keys(place: Place) -> None:
    ann, secrets = enroll(place, "Ann"), place.town.credentials
    before = read_key(secrets.path(DESK_PUBLIC))
    for rotate in (["content"], ["signing"], ["signing", "--finish", "--leave-behind"]):
        answer("keys", "rotate", *rotate, *options(place))
    place.start("broker", "desk")
    until(lambda: TOPICS.person(ann) in place.town.office().hashes())
    answer("desk", "backup", place.town.root / "desk.age", *options(place))
    place.town.people().revoke(ann)
    revision = place.town.people().revision()
    until(lambda: place.town.office().head()[0] == revision and not place.desk.outgoing)  # type: ignore[union-attr]
    public, kid = read_key(secrets.path(DESK_PUBLIC)), place.town.office().newest_key()
    lose(place)
    restore(place, place.town.root / "desk.age")
    assert (read_key(secrets.path(DESK_PUBLIC)), place.town.office().newest_key()) == (public, kid) and public != before
    told = answer("desk", "recover", "--listen", "3", "--accept", *options(place))
    assert (told["revoked"], told["unread"]) == ([ann], [])
    place.start("desk")
    until(lambda: place.town.office().head()[0] == place.town.people().revision())
    assert Checker([public])(place.town.office().message(TOPICS.manifest)).kind == "manifest"
