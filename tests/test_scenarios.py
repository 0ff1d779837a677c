"""Scenarios: every example of the document tells what the document says, and nonsense is named."""

from pathlib import Path

import pytest

from edge.errors import ConfigurationError
from edge.happenings import KINDS
from tests.commands import answer, run
from tests.conftest import ROOT
from tests.scenarios import Example, examples, play, told

DOCUMENT = (ROOT / "docs/scenarios.md").read_text()
EXAMPLES = examples(DOCUMENT)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(EXAMPLES.index(example)))
def test_an_example_tells_what_the_document_says(example: Example, tmp_path: Path) -> None:
    assert example.events and told(play(example.text, tmp_path)) == example.events


def test_the_examples_show_every_kind() -> None:
    shown = {kind for kind in KINDS if f'kind = "{kind}"' in DOCUMENT}
    assert shown >= KINDS.keys() - {"nothing", "broker", "inputs_lost", "feedback"}
    assert all(f"`{kind}`" in DOCUMENT for kind in KINDS)


def test_two_factors_count_in_either_order_and_times_need_no_date(tmp_path: Path) -> None:
    door = '[[door]]\nsecond_factor = "always"\nsecond_factors = ["pass"]\n'
    face, code = FACE.format(at=1), '[[fact]]\nat = "09:00:03"\nkind = "pass"\nperson = "ann"\nuntil = "09:01"\n'
    assert told(play(door + face + code, tmp_path))[0] == "AccessGranted"
    assert told(play(door + code + FACE.format(at=5), tmp_path))[0] == "AccessGranted"


def test_a_camera_without_a_stream_sees_nobody(tmp_path: Path) -> None:
    lost = '[[fact]]\nat = 1\nkind = "camera"\n'
    shown = '[[fact]]\nat = 3\nkind = "pass"\nperson = "bob"\n'
    assert told(play(lost + FACE.format(at=2) + shown, tmp_path)) == ["CameraFault"]


def test_a_visitor_with_a_pass_is_not_enrolled(tmp_path: Path) -> None:
    people = '[[level]]\nname = "staff"\ndoors = []\n[[person]]\nname = "ann"\n'
    shown = '[[fact]]\nat = 1\nkind = "pass"\nperson = "visitor"\n'
    assert told(play(people + shown, tmp_path))[0] == "AccessGranted"


def test_two_people_take_the_time_that_either_needs_and_it_is_no_time_to_decide(tmp_path: Path) -> None:
    text = (
        '[[door]]\npeople = 2\nextended_pulse_s = 5\n[[person]]\nname = "ann"\n'
        + '[[person]]\nname = "bob"\nextended = true\n'
        + FACE.format(at=1)
        + FACE.format(at=4).replace("ann", "bob")
    )
    effects = play(text, tmp_path).effects
    [pulse] = [effect for effect in effects if effect["effect"] == "pulse"]
    assert pulse["until"] == pytest.approx(pulse["at"] + 5)
    [accessed] = [effect for effect in effects if effect.get("data", {}).get("mode") == "Accessed"]
    assert accessed["data"]["decision_ms"] is None


@pytest.mark.parametrize(("word", "trusted"), [('"no"', False), ("false", False), ('"yes"', True), ("true", True)])
def test_a_switch_may_be_a_word(word: str, trusted: bool, tmp_path: Path) -> None:
    scheduled = '[[schedule]]\nname = "day"\nperiods = ["daily 00:00-24:00"]\n'
    level = (
        '[[level]]\nname = "staff"\ndoors = ["main"]\nschedule = "day"\n[[person]]\nname = "ann"\nlevels = ["staff"]\n'
    )
    first = told(play(f"clock_trusted = {word}\n" + scheduled + level + FACE.format(at=1), tmp_path))[0]
    assert (first == "AccessGranted") is trusted


def test_inputs_that_were_lost_are_read_again(tmp_path: Path) -> None:
    lost = '[[fact]]\nat = 1\nkind = "inputs_lost"\n'
    for mended in ("for = 5\n", '[[fact]]\nat = 6\nkind = "contact"\nstate = "closed"\n'):
        assert told(play(lost + mended, tmp_path)) == ["DoorFault", "DoorFault over"]


def test_one_command_for_all_doors_releases_one_of_a_sluice(tmp_path: Path) -> None:
    doors = '[[door]]\nname = "a"\ninterlock = ["b"]\n[[door]]\nname = "b"\ninterlock = ["a"]\n'
    unlock = '[[fact]]\nat = 1\nkind = "command"\ncommand = "unlock"\nfor = 5\n'
    assert told(play(doors + unlock, tmp_path)).count("DoorModeChanged Unlocked") == 1


def test_a_command_whose_id_comes_again_is_one_message_sent_again_and_opens_nothing(tmp_path: Path) -> None:
    """As a real gate refuses the counter that was used; what was not taken, and another operator's, is no replay."""
    order = '[[fact]]\nat = {at}\nkind = "command"\ncommand = "open"\nid = "{id}"\noperator = "{who}"\n'
    unread = 'problem = "it is too large"\n'
    text = order.format(at=1, id="a", who="li") + unread
    text += "".join(order.format(at=at, id="a", who=who) for at, who in ((30, "li"), (60, "li"), (90, "wang")))
    effects = play(text, tmp_path).effects
    assert [effect["at"] for effect in effects if effect["effect"] == "pulse"] == [30, 90]
    refused = [each["data"] for each in effects if each.get("event") == "CommandsRefused"]
    assert [(each["why"], each["id"]) for each in refused] == [
        ("it is too large", "a"), ("its counter was used before", "a"),
    ]  # fmt: skip


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        play(text, folder)
    return [str(problem) for problem in error.value.problems]


FACE = '[[fact]]\nat = {at}\nkind = "face"\nperson = "ann"\n'
FACT = '[[fact]]\nat = 1\nkind = "face"\nperson = "ann"\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at least one [[fact]] is needed"),
        (FACT + "[person]\nann = 5", "person.0: must be a table"),
        ("person = 5\n" + FACT, "person.0: must be a table"),
        (FACT + '[[person]]\nname = "ann"\nlevels = 5', "person.ann.levels: must be a list of names"),
        ("configuration = 5\n" + FACT, "configuration: must be a table, or the name of a file"),
        ("door = 5\n" + FACT, "door[0]: must be a table"),
        ("gate = 5\n" + FACT, "gate: must be a table"),
        ('[[fact]]\nat = 1\nkind = "command"', "command is missing"),
        ('[[fact]]\nat = 1\nkind = "reader"', "reader is missing"),
        ('[[fact]]\nat = 1\nkind = "dance"', "kind dance is not known"),
        ('[[fact]]\nkind = "fire"', "at is missing"),
        ('[[fact]]\nat = -1\nkind = "fire"', "must be seconds from the start"),
        ('[[fact]]\nat = "08:00"\nkind = "fire"', "is before the start"),
        ('[[fact]]\nat = "soon"\nkind = "fire"', "soon is no date and time"),
        (FACT + 'liveness = "dead"', "dead makes no sense here; known are live, attack, unsure, unavailable"),
        (FACT + "mood = 1", "face has no key mood"),
        (FACT + "for = true", "True makes no sense here"),
        (FACT + '[[person]]\nname = "ann"\npin = "2580"\nduress_pin = "2580"', "duress_pin is the same as pin"),
        (FACT + '[[person]]\nname = "ann"\npin = "2580"\nduress_pin = "25801"', "is not as long as pin"),
        (FACT + '[[person]]\nname = "ann"\npin = "258"', "person.ann: a PIN has 4 to 8 digits, and nothing else"),
        (FACT + '[[person]]\nname = "ann"\npin = "2580"\nduress_pin = "25b0"', "a PIN has 4 to 8 digits"),
        (FACT + 'door = "attic"', "there is no door attic; there are: main"),
        (FACT + '[[person]]\nname = "bob"', "there is no person ann; there are: bob"),
        (FACT + '[[person]]\nname = "ann"\nlevels = ["staff"]', "there is no level staff"),
        (FACT + '[[person]]\nname = "ann"\nmood = 1', "unknown key mood"),
        ('[[fact]]\nat = 1\nkind = "command"\ncommand = "explode"', "explode makes no sense here"),
        (FACT + '[[person]]\nname = "ann"\n' * 2, "person.ann: is there twice"),
        (
            FACT + '[[person]]\nname = "ann"\nvalid_from = 2027-01-01\nvalid_until = 2026-01-01',
            "it ends before it begins",
        ),
        ('[[fact]]\nat = 1\nkind = "pass"\nfrom = "18:00"\nuntil = "17:00"', "it ends before it begins"),
        ('clock_trusted = "perhaps"\n' + FACT, "clock_trusted: perhaps makes no sense here"),
        (FACT + '[[person]]\nname = "ann"\nextended = 2', "person.ann.extended: 2 makes no sense here"),
        ("until = 0.5\n" + FACT, "0.5 is before the first fact"),
        ("facts = 3\n" + FACT, "facts: stands beside fact"),
        ("speed = 1\n" + FACT, "unknown key; known are"),
        ('start = "noon"\n' + FACT, "noon is no date and time"),
        ('start = "9999-12-31T23:00:00"\n' + FACT, "start: must be between 1970 and 2200"),
        (FACT + "[access]\nvotes = 0", "access.votes"),
        (FACT + '[[schedule]]\nname = "x"\nperiods = ["mon 9:00-8:00"]', "ends before it begins"),
    ],
)
def test_nonsense_is_named(text: str, why: str, tmp_path: Path) -> None:
    assert any(why in problem for problem in problems(text, tmp_path)), problems(text, tmp_path)


def test_all_of_it_at_once(tmp_path: Path) -> None:
    text = FACT + 'mood = 1\ndoor = "attic"\n[[fact]]\nat = 1\nkind = "dance"\n'
    assert len(problems(text, tmp_path)) == 3


def test_the_command_prints_one_line_of_json(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(FACT)
    outcome = answer("simulate", "--scenario", file)
    assert [effect["effect"] for effect in outcome["effects"]].count("pulse") == 1
    assert outcome["doors"]["main"]["mode"] == "Locked"
    assert "AccessGranted" in run("simulate", "--scenario", file).stdout


def test_a_flood_of_commands_is_cut_off_told_together_and_counted_to_the_last(tmp_path: Path) -> None:
    flood = "".join(f'[[fact]]\nat = {1 + i / 100}\nkind = "command"\ncommand = "open"\n' for i in range(60))
    effects = [each["data"] for each in play(flood, tmp_path).effects if each["effect"] == "event"]
    refused = [data["count"] for data in effects if "count" in data]
    answered = [data for data in effects if "accepted" in data]
    assert refused == [1, 49] and len(answered) == 10
