"""Two workstations, a desk process, mosquitto with TLS and its access list: the commands of people, over the broker."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from edge import queueing
from edge.cli import people
from edge.cli.counter import contract
from edge.config import Credentials, WorkstationConfig, load_place
from edge.enrolled import Applicant, Edit
from edge.errors import RefusedError
from edge.journal import Deed
from edge.models import manifest
from edge.records import Kind, digest, encode
from edge.requests import Change, Find, Revoke
from edge.signet import Stamp, new_signing_pair
from edge.town import CONSENT, PACK, synthetic
from edge.workstation import Counter, UnansweredError
from tests.adapters.brokers import until
from tests.adapters.sites import TOPICS, Place, member, say
from tests.commands import answer, complaint, run
from tests.conftest import ROOT, need

pytestmark = pytest.mark.real

GROUNDS = ["--consent", "A-1", "--purpose", "entry", "--retain-until", "2099-01-01"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    need((ROOT / "models/zoo.toml").exists(), "the zoo pack's manifest")
    with closing(Place(tmp_path / "t", ["front", "back", "roster"])) as made:
        made.town.broker.start()
        yield made


def counter(place: Place, name: str, request: str = "") -> Counter:
    config = load_place(place.town.root / name / "workstation.toml")
    assert isinstance(config, WorkstationConfig)
    return Counter(config, Credentials(place.town.root / name), manifest(PACK).id, request)


def test_two_workstations_change_the_same_person_and_one_of_them_is_told(place: Place) -> None:
    place.town.start_desk()
    until(lambda: place.town.office().head()[1] > 0, 60)
    place.start("north")
    town, faces = place.town, synthetic(np.random.default_rng(1), manifest(PACK).dimension)
    with counter(place, "front") as front, counter(place, "back") as back:
        ann = front.admit(Applicant("Ann", CONSENT), faces)
        until(lambda: place.gates["north"].matches(ann.id, faces[0]))
        seen = back.person(ann.id, date.today())
        after = answer("people", "edit", ann.id, "--level", "lobby", *town.at("front"))
        said = complaint("people", "edit", ann.id, "--name", "Anna", "--if-revision", seen.revision, *town.at("back"))
        assert f"{ann.id} was changed meanwhile by " in said and " @ front (person.changed, " in said
        assert f"look again: edge-gate people show {ann.id}" in said
        assert answer("people", "show", ann.id, *town.at("back")) == after
        with pytest.raises(RefusedError, match="already enrolled as"):
            back.admit(Applicant("Eve", CONSENT), faces)
    gone = answer("revoke", ann.id, *town.at("back"))
    assert list(gone["confirmed_ms"]) == ["north"] and gone["pending"] == ["south"]
    assert not place.gates["north"].matches(ann.id, faces[0])
    lines = {line["deed"]: line["actor"] for line in answer("audit", "show", "--about", ann.id, *town.options)["lines"]}
    assert lines["person.changed"].endswith(" @ front") and lines["person.revoked"].endswith(" @ back")
    for name in ("front", "roster"):  # as it could be called before that was refused: no report of a gate
        assert len(answer("people", "list", *town.at(name))["people"]) == 1
    for command in (["people", "export", "--out", "x.csv"], ["audit", "show"], ["privacy", "report", ann.id]):
        assert "this is done at the desk" in complaint(*command, *town.at("front"))


def test_everything_that_ends_somebody_and_a_pin_work_from_a_workstation(place: Place) -> None:
    place.start("desk")
    at = place.town.at("front")
    person = answer("enroll", "李雷", "--without-face", "--number", "7", *GROUNDS, *at)["id"]
    assert answer("people", "pin", person, "--draw", *at)["has_pin"] is True
    assert "leave out --request" in complaint("people", "pin", person, "--draw", "--request", "r1", *at)
    assert answer("people", "revoke", person, "--wait", "0", *at)["pending"] == ["north", "south"]
    assert answer("people", "restore", person, *at)["standing"] == "enrolled"
    assert "the number 7 belongs to" in complaint("enroll", "韩梅", "--without-face", "--number", "7", *GROUNDS, *at)
    gone = answer("people", "erase", person, "--wait", "0", *at)
    assert gone["standing"] == "erased" and "in_backups_until" not in gone, "of that the desk knows alone"
    other = answer("enroll", "韩梅", "--without-face", *GROUNDS, *at)["id"]
    said = run("people", "erase", other, "--wait", "0", *at).stdout
    assert "earlier backups of the desk may still hold the record" in said
    assert answer("people", "list", *at)["people"][0]["name"] == ""


def test_without_a_desk_it_is_said_what_is_known_of_the_deed(place: Place) -> None:
    person = place.town.people().admit_faceless(Applicant("Ann", CONSENT), PACK)
    file = place.town.root / "front/workstation.toml"
    text = file.read_text()
    file.write_text(text.replace('name = "front"', 'name = "front"\npatience_s = 1.0'))
    assert "nothing was changed: no answer within 1 s" in complaint("revoke", person.id, *place.town.at("front"))
    file.write_text(text)
    place.start("desk")
    with counter(place, "front") as front:
        front.numbered("none")
        place.town.broker.kill()
        place.town.broker.start()
        assert front.numbered("none") is None, "a connection that ended meanwhile is made anew"
        place.stop("desk")
        front._patience_s = 1.0
        with pytest.raises(UnansweredError, match="it is not known whether that was done") as told:
            front.edit(person.id, Edit(name="Anna"), person.revision)
    request = str(told.value).split("--request ")[1].split(":")[0]
    place.start("desk")
    edit = ["people", "edit", person.id, "--name", "Anna", "--request", request, *place.town.at("front")]
    first = answer(*edit)
    assert first["name"] == "Anna" and answer(*edit) == first, "done once"
    assert run(*edit).stdout.startswith("this was done before, ")
    assert "something else was done before: person.changed" in complaint(*edit, "--number", "7")
    assert [said.line.deed for said in place.audit().lines(person.id)].count(Deed.CHANGED) == 1
    later = answer("people", "edit", person.id, "--level", "lobby", *place.town.at("back"))
    assert answer(*edit) == later and later["name"] == "Anna", "another's change of something else is no matter"
    place.town.broker.kill()
    assert "nothing was changed: the broker: connection refused" in complaint("people", "list", *place.town.at("front"))


def test_a_deed_that_was_done_stays_done_when_the_desk_goes_away_before_the_gates_confirm(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    person = place.town.people().admit_faceless(Applicant("Ann", CONSENT), PACK)
    place.start("desk")
    config, credentials = load_place(place.town.root / "front/workstation.toml"), place.town.root / "front"
    with counter(place, "front") as front:
        gone = front.revoke(person.id)
        assert contract(config, credentials, front, gone, 0.0)["pending"] == ["north", "south"]
        place.stop("desk")
        front._patience_s = 1.0
        told = contract(config, credentials, front, gone, 60.0)
        place.town.broker.kill()
        lost = contract(config, credentials, front, gone, 60.0)
    people._tell(told)
    people._emit(gone, told)
    text, line = capsys.readouterr().out.splitlines()
    assert text == "  which gates have confirmed it is not known: the desk cannot be asked: no answer within 1 s"
    assert (said := json.loads(line))["standing"] == "revoked" and said["unknown"] == text.partition("known: ")[2]
    assert str(told.pop("unknown")) == "the desk cannot be asked: no answer within 1 s" and not told
    assert str(lost.pop("unknown")).startswith("the desk cannot be asked: the broker") and not lost
    assert place.town.people().person(person.id, date.today()).revoked_at


def test_a_workstation_speaks_and_hears_under_its_own_name_alone(place: Place) -> None:
    place.start("desk")
    person = place.town.people().admit_faceless(Applicant("Ann", CONSENT), PACK)
    with counter(place, "front") as front, closing(member(place.town, "back")) as back:
        front.numbered("none")
        theirs = front._message(Revoke(person.id), "r1")
        back.subscribe(
            [TOPICS.reply("front"), TOPICS.request("front"), TOPICS.people, TOPICS.manifest, TOPICS.reply("back")]
        )
        say(back, TOPICS.request("front"), theirs)
        say(back, TOPICS.person(person.id), b"")
        say(back, TOPICS.request("back"), theirs)  # its own topic, another's message
        with counter(place, "back") as own:
            say(back, TOPICS.request("back"), own._message(Find("none"), "r2"))
            heard: list[str] = []
            until(lambda: heard.extend(each.topic for each in back.turn(0.05)) or heard)
        assert set(heard) == {TOPICS.reply("back")}
        assert front.person(person.id, date.today()) == person, "the broker let nothing of it through"
    until(lambda: [line for line in lines(place) if line == ("back", "its signature is not that of the workstation")])


def lines(place: Place) -> list[tuple[str, str]]:
    told = [said.line for said in place.audit().lines() if said.line.deed is Deed.REQUEST_REFUSED]
    return [(line.subject, line.data.details["why"]) for line in told]


def test_what_a_hostile_broker_makes_of_requests_changes_nothing(place: Place) -> None:
    place.start("desk")
    person = place.town.people().admit_faceless(Applicant("Ann", CONSENT), PACK)
    with counter(place, "front") as front, closing(member(place.town, "desk")) as hostile:
        front.numbered("none")
        edit = front._message(Change(person.id, person.revision, Edit(name="Anna")), "r1")
        hostile.subscribe([TOPICS.reply("front")])
        for made in (
            edit[:-1],
            edit[:-1] + b"x",
            Stamp(new_signing_pair().private).sign(Kind.REQUEST, encode(1)),
            b"x",
        ):
            say(hostile, TOPICS.request("front"), made)
        for _ in range(3):
            say(hostile, TOPICS.request("front"), edit)
        replies: list[bytes] = []
        until(lambda: replies.extend(each.payload for each in hostile.turn(0.05)) or len(replies) == 3)
        assert not any(front._reply(reply, b"another request") for reply in replies)
    assert [said.line.deed for said in place.audit().lines(person.id)] == [Deed.ENROLLED, Deed.CHANGED]
    assert {name for name, _ in lines(place)} == {"front"} and len(lines(place)) == 2


def test_a_workstation_that_is_shut_out_is_on_the_revocation_list_also_when_its_name_is_given_again(
    place: Place,
) -> None:
    place.start("desk")
    answer("people", "list", *place.town.at("front"))
    told = answer("workstations", "revoke", "front", *place.town.options)
    assert "the workstation front was shut out" in complaint("people", "list", *place.town.at("front"))
    place.town.broker.kill()
    place.town.broker.start()  # with the list as its crlfile
    assert "nothing was changed: the broker" in complaint("people", "list", *place.town.at("front"))
    assert answer("people", "list", *place.town.at("back"))["people"] == []
    new = place.town.root / "new"
    made = answer("workstations", "add", "front", "--into", new, *place.town.options)
    assert made["acl"].splitlines() == [
        "user front", "topic write edge/v1/site/desk/request/front", "topic read edge/v1/site/desk/reply/front",
    ]  # fmt: skip
    answer("workstations", "revoke", "back", *place.town.options)
    place.town.broker.kill()
    place.town.broker.start()
    assert "nothing was changed: the broker" in complaint("people", "list", *place.town.at("front")), told["crl"]
    toml = place.town.root / "front/workstation.toml"
    toml.write_text(toml.read_text().replace(f"{place.town.root}/front", str(new)))
    assert answer("people", "list", "--config", toml, "--credentials", new)["people"] == []
    listed = answer("workstations", "list", *place.town.options)["workstations"]
    assert [(each["name"], each["revoked_at"] is None) for each in listed] == [
        ("back", False),
        ("front", True),
        ("roster", True),
    ]
    assert "there is a gate or a workstation front already" in complaint(
        "gates", "add", "front", "--into", place.town.root / "x", *place.town.options
    )


def test_what_floods_the_desk_under_one_name_or_many_keeps_nobody_else_waiting(place: Place) -> None:
    """More than wait in all before the first is answered: a clerk takes its time to begin."""
    front, replies = counter(place, "front"), list[tuple[str, bytes]]()
    message = front._message(Find(""), "r1")
    with closing(queueing.Counter(place.town.config, place.town.credentials)) as serving:
        for number in range(1000):
            serving.hear("back", b"junk", known=True)
            serving.hear(f"nobody-{number}", b"junk", known=False)
        serving.hear("front", message, known=True)
        until(lambda: replies.extend(serving.replies()) or replies)
    assert [name for name, _ in replies] == ["front"] and front._reply(replies[0][1], digest(message))
    assert {name for name, _ in lines(place)} == {"back", "?"}
