"""A desk that was restored after days learns what happened since: who was revoked stays out, at every gate."""

import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from edge.certificates import CA_KEY, authority, revocations
from edge.enrolled import Bounds, Edit, Standing
from edge.journal import Deed
from edge.mqtt import Lost, Message
from edge.records import Kind, Report, encode
from edge.recovery import Recoverer
from edge.signet import Stamp, new_signing_pair
from edge.site import Site
from edge.town import PACK, SITE
from tests.adapters.brokers import until
from tests.adapters.restored import enroll, lose, restore, standings
from tests.adapters.sites import TOPICS, Place, member, say
from tests.commands import answer, complaint, run

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("insured")]


def test_a_restored_desk_learns_who_was_revoked_erased_and_changed_before_it_publishes(place: Place) -> None:
    root, names = place.town.root, ("revoked", "erased", "edited", "stays", "comes back")
    people = {name: enroll(place, name, "lab") for name in names}
    place.town.people().revoke(people["comes back"])
    place.start("broker", "desk", "north", "south")
    place.wait(4)
    told = answer("desk", "backup", root / "desk.age", *place.town.options)
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
    assert "desk recover" in complaint("desk", "run", *place.town.options)
    told = answer("desk", "recover", *place.town.options)
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
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
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
    told = answer("desk", "recover", "--listen", "3", *place.town.options, status=1)
    assert not told["recovered"] and "south was not heard" in " ".join(told["lacking"])
    assert standings(place)[ann].standing is Standing.ENROLLED, "nothing is changed by half"
    store = place.town.sites["south"].config.state / "list.sqlite"
    told = answer("desk", "recover", "--listen", "1", "--store", store, "--accept", *place.town.options)
    assert (told["revoked"], told["recovered"]) == ([ann], True)
    assert "south was not heard" in str(place.audit().last(Deed.RECOVERED))
    place.start("desk", "south")
    until(lambda: all((now := gate.now()) and set(now.permits) == {bob} for gate in place.gates.values()))


def test_a_gate_that_was_shut_out_since_gets_no_keys_from_a_restored_desk(place: Place) -> None:
    ann = enroll(place, "Ann")
    place.start("broker", "desk", "north", "south")
    place.wait(1)
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
    answer("gates", "revoke", "south", *place.town.options)
    until(lambda: TOPICS.keys("south") not in place.town.office().hashes())
    place.stop("south")
    place.wait(1)
    lose(place)
    restore(place, place.town.root / "desk.age")
    told = answer("desk", "recover", *place.town.options)
    assert (told["gates_shut_out"], told["unread"], told["lacking"]) == (["south"], [ann], [])
    assert [gate.name for gate in place.town.office().gates() if not gate.revoked_at] == ["north"]
    member(place.town, "south").close()
    place.town.broker.kill()
    place.town.broker.start()  # with the list that was written as its crlfile
    with pytest.raises(Lost):
        member(place.town, "south")
    member(place.town, "north").close()


def test_a_gate_that_was_added_anew_since_is_shut_out_of_a_restored_desk(place: Place) -> None:
    """The desk has the key of the gate that was stolen, and would wrap content keys for it."""
    root, enrolled = place.town.root, enroll(place, "Ann")
    place.start("broker", "desk", "north", "south")
    place.wait(1)
    answer("desk", "backup", root / "desk.age", *place.town.options)
    stolen = place.town.office().gates()[1]
    place.stop("south")
    answer("gates", "revoke", "south", *place.town.options)
    answer("gates", "add", "south", "--into", root / "anew", *place.town.options)
    reinstall(place.town.sites["south"], root / "anew")
    place.start("south")
    place.wait(1)
    until(lambda: TOPICS.keys("south") in place.town.office().hashes())
    lose(place)
    restore(place, root / "desk.age")
    told = answer("desk", "recover", "--listen", "3", *place.town.options, status=1)
    assert [each for each in told["lacking"] if "south speaks with another key" in each] == told["lacking"]
    told = answer("desk", "recover", "--listen", "3", "--accept", *place.town.options)
    assert told["gates_shut_out"] == ["south"] and serials(told["crl"]) == {int(stolen.serial, 16)}
    assert [gate.name for gate in place.town.office().gates() if not gate.revoked_at] == ["north"]
    place.start("desk")
    until(lambda: place.town.office().head()[0] == place.town.people().revision())
    assert TOPICS.keys("south") not in place.town.office().hashes() and enrolled in standings(place)


def reinstall(site: Site, bundle: Path) -> None:
    """A gate with other keys, and nothing of before."""
    for path in site.config.state.glob("list.sqlite*"):
        path.unlink()
    for path in bundle.iterdir():
        shutil.copy(path, site.config.state if path.name == "whitelist.mark" else site.secrets)


def test_what_is_no_report_in_a_gates_own_name_shuts_nobody_out(place: Place) -> None:
    recoverer, stranger = Recoverer(place.town.config, place.town.credentials), Stamp(new_signing_pair().private)
    said = Report(SITE, "south", 7, 0.0, 1, 0.0, PACK, "", {}, {})
    forged = stranger.sign(Kind.REPORT, encode(said))
    others = (replace(said, gate="north"), replace(said, site="elsewhere"))
    for message in (
        b"", forged[:-70], stranger.sign(Kind.KEYS, encode(said)), stranger.sign(Kind.REPORT, b"x"),
        *(stranger.sign(Kind.REPORT, encode(other)) for other in others),
    ):  # fmt: skip
        recoverer._reported(Message(TOPICS.report("south"), message))
    recoverer._reported(Message(TOPICS.report("nobody"), forged))
    assert not recoverer._anew
    recoverer._reported(Message(TOPICS.report("south"), forged, retain=True))
    assert recoverer._anew == {"south"} and not recoverer._revisions and not recoverer._heard


def test_the_brokers_revocation_list_tells_a_restored_desk_whom_nobody_else_has_on_record(place: Place) -> None:
    root = place.town.root
    for name in ("front", "back"):
        answer("workstations", "add", name, "--into", root / name, *place.town.options)
    answer("desk", "backup", root / "desk.age", *place.town.options)
    answer("workstations", "revoke", "front", *place.town.options)
    answer("workstations", "add", "front", "--into", root / "front2", *place.town.options)
    kept = shutil.copy(answer("gates", "revoke", "south", *place.town.options)["crl"], root / "crlfile")
    listed = serials(kept)
    lose(place)
    place.start("broker")
    restore(place, root / "desk.age")
    recover = ["desk", "recover", "--listen", "1", "--accept"]
    assert "no revocation list" in complaint(*recover, "--crl", another_list(root / "x"), *place.town.options)
    assert "cannot be read" in complaint(*recover, "--crl", root / "desk.toml", *place.town.options)
    assert "do this again with --crl" in run(*recover, *place.town.options).stdout
    assert not serials(root / "credentials/revoked.crl"), "from its own records it knows of nobody"
    told = answer(*recover, "--crl", kept, *place.town.options)
    assert (told["gates_shut_out"], told["workstations_shut_out"]) == (["south"], ["front"])
    assert told["workstations"] == ["back"] and serials(told["crl"]) == listed and len(listed) == 2
    with closing(place.town.office()) as office:
        assert [each.name for each in (*office.gates(), *office.workstations()) if not each.revoked_at] == [
            "north", "back",
        ]  # fmt: skip


def test_a_recovery_that_cannot_write_the_revocation_list_says_so_and_changes_nothing(place: Place) -> None:
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
    lose(place)
    place.start("broker")
    restore(place, place.town.root / "desk.age")
    (place.town.root / "credentials" / CA_KEY).unlink()
    told = answer("desk", "recover", "--listen", "1", *place.town.options, status=1)
    assert any("the broker goes on with the one that it has" in each for each in told["lacking"])
    told = answer("desk", "recover", "--listen", "1", "--accept", *place.town.options)
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
        answer("workstations", "add", name, "--into", place.town.root / name, *place.town.options)
    answer("workstations", "revoke", "back", *place.town.options)
    answer("desk", "backup", place.town.root / "desk.age", *place.town.options)
    answer("workstations", "revoke", "front", *place.town.options)
    lose(place)
    place.start("broker")
    restore(place, place.town.root / "desk.age")
    recover = ["desk", "recover", "--listen", "1", "--accept", *place.town.options]
    assert "revoked or added anew since: front\n" in run(*recover).stdout
    assert answer(*recover)["workstations"] == ["front"]
    recovered = place.audit().last(Deed.RECOVERED)
    assert recovered and recovered.data.details["workstations"] == "front"
    answer("workstations", "revoke", "front", *place.town.options)
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
    done = run("desk", "run", *place.town.options)
    assert done.returncode == 1, done
    return done.stderr
