"""Keys of the desk are rotated while gates decide: nobody is refused, and the old key means nothing after."""

import itertools
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from edge import files, holders, provision, rotation
from edge.audit import Audit
from edge.config import BrokerSection, Credentials, WorkstationConfig, WorkstationSection
from edge.errors import SealError
from edge.journal import Deed
from edge.records import Kind, Topics
from edge.requests import Find, Found
from edge.signet import (
    DESK_KEY,
    DESK_NEXT,
    DESK_OPENS,
    DESK_OPENS_NEXT,
    DESK_OPENS_NEXT_PUBLIC,
    DESK_OPENS_PUBLIC,
    DESK_PUBLIC,
    Checker,
    Stamp,
    fingerprint,
    read_key,
)
from edge.town import SITE
from edge.workstation import Counter
from tests.adapters.brokers import until
from tests.adapters.killed import killed_before
from tests.adapters.rooms import furnished, office
from tests.adapters.sites import Place
from tests.commands import answer, complaint, run

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


def test_a_signing_key_is_rotated_and_the_old_one_signs_for_nobody(place: Place, tmp_path: Path) -> None:
    ann, face = place.enroll("Ann")
    bob, _ = place.enroll("Bob")
    place.start("broker", "desk", "north")
    place.wait(2)
    place.town.people().revoke(bob)
    place.wait(1)
    old = read_key(place.town.root / "credentials/desk.key")
    key = answer("keys", "rotate", "signing", *options(place))["key"]
    said = complaint("keys", "rotate", "signing", "--finish", *options(place))
    assert "north, heard last at 20" in said and "south, never heard" in said and "--leave-behind" in said
    assert read_key(place.town.root / "credentials/desk.key") == old, "nothing was changed"
    place.stop("north")
    secrets = place.town.sites["north"].secrets
    shutil.copy(place.town.root / "credentials" / DESK_NEXT, secrets / DESK_NEXT)
    place.start("north")
    place.wait(1)
    until(lambda: key in place.town.office().contacts()["north"].trusts)
    place.stop("desk")
    assert "north" not in complaint("keys", "rotate", "signing", "--finish", *options(place))
    store = tmp_path / "kept.sqlite"
    files.copy(place.town.sites["north"].config.state / "list.sqlite", store)
    told = answer("keys", "rotate", "signing", "--finish", "--leave-behind", *options(place))
    assert told["left_behind"] == ["south"]
    told = answer("audit", "verify", "--store", store, *options(place))
    assert told["valid"] and told["first_break"] is None, "the journal is what was written, whoever signed the lists"
    own = place.town.root / "state/desk.sqlite"
    assert [problem["store"] for problem in told["problems"]] == [str(store), str(own)]
    assert all("not any more since the key was rotated" in problem["problem"] for problem in told["problems"])
    assert "restart the desk" in run("audit", "verify", *options(place)).stdout
    place.start("desk")
    until(lambda: (loaded := place.gates["north"].now()) and loaded.fact.revision == place.town.office().head()[0] > 3)
    told = answer("audit", "verify", "--store", store, *options(place))
    assert [problem["store"] for problem in told["problems"]] == [str(store)] and told["anchored"] > 0
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


def test_an_opening_key_is_rotated_while_workstations_ask(tmp_path: Path) -> None:
    with furnished(tmp_path) as room:
        keys, ask = room.credentials.directory, Find("")
        before = read_key(keys / DESK_OPENS)
        rotation.begin(rotation.OPENING, room.config, room.credentials)
        assert isinstance(room.ask("front", ask), Found), "it has the key before"
        late = room.message("front", ask)
        with closing(office(room.config, room.credentials)) as open_:
            provision.add_workstation(open_, keys, "hq", "side", tmp_path / "side")
        shutil.copy(keys / DESK_OPENS_NEXT_PUBLIC, tmp_path / "back" / DESK_OPENS_PUBLIC)
        for name in ("back", "side"):
            station = WorkstationConfig(WorkstationSection("hq", name), BrokerSection())
            room.counters[name] = Counter(station, Credentials(tmp_path / name), "zoo")
            assert isinstance(room.ask(name, ask), Found), name
        with pytest.raises(SealError, match=": workstation front\n"):
            rotation.finish(rotation.OPENING, room.config, room.credentials)
        assert isinstance(room.hand("front", late), Found), "nothing was changed"
        left = rotation.finish(rotation.OPENING, room.config, room.credentials, leave_behind=True).left_behind
        assert left == ["front"]
        assert isinstance(room.ask("back", ask), Found) and isinstance(room.ask("side", ask), Found)
        assert room.hand("front", late) is None and len(room.lines(Deed.REQUEST_REFUSED)) == 1
        assert not [path for path in keys.iterdir() if path.is_file() and before in path.read_bytes()]


def test_a_signing_key_is_not_destroyed_before_workstations_believe_the_next(tmp_path: Path) -> None:
    """Each shows it by asking; what it asked before it was revoked, and another was added by its name, counts not."""
    with furnished(tmp_path) as room:
        station = WorkstationConfig(WorkstationSection("hq", "front"), BrokerSection())
        rotation.begin(rotation.SIGNING, room.config, room.credentials)
        shutil.copy(room.credentials.path(DESK_NEXT), tmp_path / "front" / DESK_NEXT)
        room.counters["front"] = Counter(station, Credentials(tmp_path / "front"), "zoo")
        for name in ("front", "back", "front", "back"):
            assert isinstance(room.ask(name, Find("")), Found)
        assert [subject for _, subject in room.lines(Deed.KEYS_HELD)] == ["front", "back"], "each is told once"
        with pytest.raises(SealError, match=": workstation back\n"):
            rotation.finish(rotation.SIGNING, room.config, room.credentials)
        with closing(office(room.config, room.credentials)) as open_:
            for name in ("front", "back"):
                open_.shut_out(name, "workstations")
            provision.add_workstation(open_, room.credentials.directory, "hq", "front", tmp_path / "front2")
        with files.database(open_.path) as db:
            db.execute("UPDATE workstations SET added_at = added_at - 3600")  # by a clock that was set back
        with pytest.raises(SealError, match=": workstation front\n"):
            rotation.finish(rotation.SIGNING, room.config, room.credentials)
        shutil.copy(room.credentials.path(DESK_NEXT), tmp_path / "front2" / DESK_NEXT)
        room.counters["front"] = Counter(station, Credentials(tmp_path / "front2"), "zoo")
        assert isinstance(room.ask("front", Find("")), Found)
        assert rotation.finish(rotation.SIGNING, room.config, room.credentials).left_behind == []


def test_a_workstation_that_invents_keys_does_not_fill_the_journal(tmp_path: Path) -> None:
    """Nor does it keep another from showing its own."""
    with furnished(tmp_path) as room:
        for number in range(100):
            room.counters["front"]._check.trusts = (f"{number:016x}", f"{number + 100:016x}")
            assert isinstance(room.ask("front", Find("")), Found), "it is answered all the same"
        assert isinstance(room.ask("back", Find("")), Found)
        told = [subject for _, subject in room.lines(Deed.KEYS_HELD)]
        assert told == ["front"] * holders.NOTES + ["back"]
        known = room.clerk._showings._known.values()
        assert sum(len(keys) for keys, _ in known) <= 3 * holders.NOTES + 3, "nor is it remembered"


def test_what_a_workstation_shows_again_later_is_written_down_when_there_is_room(tmp_path: Path) -> None:
    with furnished(tmp_path) as room, closing(office(room.config, room.credentials)) as open_:
        audit = Audit.of(room.config, room.credentials, write=True)
        showings, front = holders.Showings(audit), open_.workstations()[0]
        for number in range(100):
            showings.note(front, [f"{number:016x}"], 0.0)
        late = ["f" * 16]
        showings.note(front, late, 1.0)
        assert holders.held(audit, front) == {f"{number:016x}" for number in range(holders.NOTES)}
        showings.note(front, late, 1.0 + 1 / holders.NOTES_PER_S)
        assert late[0] in holders.held(audit, front)


def test_leaving_somebody_behind_is_for_the_end_of_a_rotation(place: Place) -> None:
    assert "--leave-behind is for --finish" in complaint("keys", "rotate", "signing", "--leave-behind", *options(place))


def test_an_opening_key_is_rotated_in_two_steps_and_only_where_there_is_one(place: Place) -> None:
    keys = place.town.root / "credentials"
    assert "workstations add makes it" in complaint("keys", "rotate", "opening", *options(place))
    answer("workstations", "add", "front", "--into", place.town.root / "front", *options(place))
    told = answer("keys", "rotate", "opening", *options(place))
    public = read_key(keys / DESK_OPENS_NEXT_PUBLIC)
    assert told["key"] == fingerprint(public)
    assert "there is a next key already" in complaint("keys", "rotate", "opening", *options(place))
    for name in (DESK_OPENS, DESK_OPENS_NEXT):
        (keys / f"{name}.cred").write_bytes(b"what the host has encrypted")
    done = answer("keys", "rotate", "opening", "--finish", "--leave-behind", *options(place))
    assert done == {"kind": "opening", "key": told["key"], "left_behind": ["front"]}
    assert read_key(keys / DESK_OPENS_PUBLIC) == public and not list(keys.glob("desk-open*.cred"))
    assert sorted(path.name for path in keys.glob("desk-open*")) == [DESK_OPENS, DESK_OPENS_PUBLIC]
    assert "no key at" in complaint("keys", "rotate", "opening", "--finish", *options(place))
    purposes = [each.line.data.details.get("purpose") for each in place.audit().lines()]
    assert purposes[-2:] == ["opening, next", "opening"]


@pytest.mark.parametrize("what", [rotation.SIGNING, rotation.OPENING])
def test_a_next_key_that_only_the_host_opens_is_told_with_how_to_go_on(tmp_path: Path, what: rotation.Stepwise) -> None:
    with furnished(tmp_path) as room:
        keys = room.credentials.directory
        rotation.begin(what, room.config, room.credentials)
        before, plain = read_key(keys / what.public), (keys / what.next_key).read_bytes()
        (keys / what.next_key).rename(keys / f"{what.next_key}.cred")
        with pytest.raises(SealError, match=f"systemd-creds decrypt --name={what.next_key} ") as told:
            rotation.finish(what, room.config, room.credentials, leave_behind=True)
        assert "keys new" not in str(told.value) and read_key(keys / what.public) == before
        (keys / what.next_key).write_bytes(plain)
        rotation.finish(what, room.config, room.credentials, leave_behind=True)
        assert not list(keys.glob("*next*")) and (keys / what.key).read_bytes() == plain


@pytest.mark.parametrize("key", [DESK_KEY, DESK_OPENS])
def test_whose_unit_was_given_the_encrypted_key_is_told_to_give_it_the_next(place: Place, key: str) -> None:
    """Its drop-in names a file that is gone after `--finish`, and the unit does not start with it."""
    keys, kind = place.town.root / "credentials", "signing" if key == DESK_KEY else "opening"
    answer("workstations", "add", "front", "--into", place.town.root / "front", *options(place))
    answer("keys", "rotate", kind, *options(place))
    (keys / f"{key}.cred").write_bytes(b"what the host has encrypted")
    said = run("keys", "rotate", kind, "--finish", "--leave-behind", *options(place)).stdout
    assert not (keys / f"{key}.cred").exists() and "scripts/install --desk" in said


@pytest.mark.parametrize("what", [rotation.SIGNING, rotation.OPENING])
def test_no_other_next_key_is_made_beside_one_that_the_host_has_encrypted(
    tmp_path: Path, what: rotation.Stepwise
) -> None:
    """Units are given the encrypted one. Killed before its public half was written, it goes on once it is decrypted."""
    with furnished(tmp_path) as room:
        keys, given = room.credentials.directory, (what, room.config, room.credentials)
        key = rotation.begin(*given)
        public = (keys / what.next_public).read_bytes()
        plain, encrypted = keys / what.next_key, keys / f"{what.next_key}.cred"
        shutil.move(plain, encrypted)
        with pytest.raises(SealError, match="there is a next key already"):
            rotation.begin(*given)
        assert (keys / what.next_public).read_bytes() == public, "which may have been carried to gates"
        (keys / what.next_public).unlink()
        with pytest.raises(SealError, match=f"systemd-creds decrypt --name={what.next_key} "):
            rotation.begin(*given)
        assert not plain.exists() and not (keys / what.next_public).exists()
        shutil.copy(encrypted, plain)
        assert rotation.begin(*given) == key and (keys / what.next_public).read_bytes() == public
        rotation.finish(*given, leave_behind=True)
        assert not encrypted.exists() and fingerprint(read_key(keys / what.public)) == key


@pytest.mark.parametrize("what", [rotation.SIGNING, rotation.OPENING])
@pytest.mark.parametrize("anew", [True, False])
def test_a_rotation_goes_on_wherever_its_beginning_was_killed(
    tmp_path: Path, what: rotation.Stepwise, anew: bool
) -> None:
    """It is begun once more, or finished as it is: the public half is made of the key."""
    with furnished(tmp_path) as room:
        keys, given, halves = room.credentials.directory, (what, room.config, room.credentials), 0
        for steps in itertools.count():
            killed = killed_before(steps, keys, lambda: rotation.begin(*given))
            half = (keys / what.next_key).exists() and not (keys / what.next_public).exists()
            if not (keys / what.next_key).exists() or (half and anew):
                assert rotation.begin(*given) == fingerprint(read_key(keys / what.next_public))
            with pytest.raises(SealError, match="these have not said that they have the next key"):
                rotation.finish(*given)
            rotation.finish(*given, leave_behind=True)
            assert read_key(keys / what.public) == what.make(read_key(keys / what.key)).public
            halves += half
            if not killed:
                break
        assert halves
