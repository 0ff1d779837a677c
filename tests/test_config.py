"""The configuration: every mistake is found at once and named with what would be right."""

from pathlib import Path

import pytest

from edge.config import DeskConfig, load, load_either
from edge.errors import ConfigurationError, EdgeError
from tests.conftest import ROOT

GOOD = """
[gate]
site = "hq"
name = "lobby"
[[camera]]
name = "front"
url = "rtsp://10.0.0.1/stream"
door = "main"
[[door]]
name = "main"
relay = { line = 17 }
"""


def problems(path: Path, text: str) -> list[str]:
    file = path / "gate.toml"
    file.write_text(text)
    try:
        load(file)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('site = "hq"', "", "gate.site: is missing"),
        ('"hq"', '"HQ!"', "gate.site: must be a name of at most 31 lower-case letters, digits and -, not \"HQ!\""),
        ('door = "main"', 'dor = "main"', "camera.front.dor: unknown key; did you mean door?"),
        ('door = "main"', 'door = "mian"', "camera.front.door: there is no door mian; there are: main"),
        ("10.0.0.1", "me:secret@10.0.0.1", "camera.front.url: must not carry a password; use username and credential"),
        ("rtsp:", "http:", "camera.front.url: must be rtsp://HOST[:PORT]/PATH"),
        ("10.0.0.1", "10.0.0.1:99999", "camera.front.url: must be rtsp://HOST[:PORT]/PATH"),
        ("[[door]]", "[[door]]\npulse_ms = 3000", "door.main.pulse_ms: unknown key; did you mean pulse_s (seconds)?"),
        ("[[door]]", "[[door]]\nheld_open = 1", "did you mean held_open_s (seconds)?"),
        ("[[door]]", '[[door]]\npulse_s = "3s"', 'pulse_s: must be a number (seconds) from 0.1 to 30, not "3s"'),
        ("[[door]]", "[[door]]\npulse_s = 3000", "pulse_s: must be a number (seconds) from 0.1 to 30, not 3000"),
        ("[[door]]", "[[door]]\npulse_s = nan", "pulse_s: must be a number (seconds) from 0.1 to 30, not nan"),
        ("[[door]]", "[[door]]\npulse_s = true", "pulse_s: must be a number (seconds) from 0.1 to 30, not true"),
        ("[[door]]", "[[door]]\npulse_s = 6", "door.main.pulse_s: 6.0 is longer than hard_limit_s, 5.0"),
        ("[[door]]", "[[door]]\ntamper = { line = 17 }", "door.main.tamper: line 17 is used by relay already"),
        ("[[door]]", "[[door]]\nlamps = { granded = { line = 2 } }", "granded: unknown key; did you mean granted"),
        ("{ line = 17 }", "17", "door.main.relay: must be a table"),
        ("{ line = 17 }", '{ line = 17, bias = "up" }', "bias: must be one of as_is, disabled, pull_down, pull_up"),
        ("{ line = 17 }", "{ line = 1.5 }", "must be a name in quotes or a whole number from 0 to 1023, not 1.5"),
        ("{ line = 17 }", "{ line = -1 }", "must be a name in quotes or a whole number from 0 to 1023, not -1"),
        ("{ line = 17 }", '{ line = "" }', "must be a name in quotes or a whole number from 0 to 1023, not"),
        ("[[camera]]", '[[camera]]\ncredential = "../shadow"', "credential: must be the name of a credential: letters"),
        ("[[camera]]", '[[camera]]\ncredential = "a\\u0000"', "credential: must be the name of a credential: letters"),
        ("10.0.0.1", "10.0.0.1/\\r\\nX", "camera.front.url: must be one line of text in quotes"),
        ("[[door]]", '[[door]]\nchip = "/dev/\\u0000"', "door.main.chip: must be one line of text in quotes"),
        ("[gate]", '[gate]\nstate_dir = "/var/\\u0000"', "gate.state_dir: must be one line of text in quotes"),
        ("[gate]", '[broker]\nhost = "a b"\n[gate]', "broker.host: must be the name or address of a host"),
        ("[gate]", '[broker]\nhost = ""\n[gate]', "broker.host: must be the name or address of a host"),
        ("[gate]", '[broker]\nhost = "10.0.0.9"\nusername = "g"\ncredential = "p"\n[gate]',
         "broker.ca_file: is needed before a password is sent to 10.0.0.9: name the authority"),
        ("[[door]]", "[door]", "door: at least one [[door]] is needed"),
        ("[[camera]]", "[[camera]]\nzone = [0, 0, 1]", "zone: must be a list of 4, each a number from 0.0 to 1.0"),
        ("[[camera]]", "[[camera]]\nzone = [1, 0, 0, 1]", "zone: must be [left, top, right, bottom]"),
        ("[[camera]]", '[[camera]]\nusername = "me"', "camera.front.credential: is needed with username"),
        ("[gate]", "[access]\nattack_below = 0.95\n[gate]", "access.attack_below: 0.95 is above what is live, 0.9"),
        ("[gate]", '[access]\nfpir = "1%"\n[gate]', 'must be a number above 0 and up to 0.5, not "1%"'),
        ("[gate]", f'[gate]\nruntime_dir = "/{"d" * 100}"', "gate.runtime_dir: is too long for the path of a socket"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_would_be_right(tmp_path: Path, before: str, after: str, expected: str) -> None:
    found = problems(tmp_path, GOOD.replace(before, after, 1))
    assert any(expected in problem for problem in found), found


def test_all_mistakes_are_reported_at_once_also_across_tables(tmp_path: Path) -> None:
    text = GOOD.replace('"hq"', "1").replace("17", "true") + '[[camera]]\nname = "front"\nurl = "x"\ndoor = "side"\n'
    found = problems(tmp_path, text)
    for place in (
        "gate.site:",
        "door.main.relay.line:",
        "camera.front.url:",
        "camera.front.door:",
        "name front is used",
    ):
        assert any(place in problem for problem in found), (place, found)
    assert len(found) == 5


def test_two_doors_do_not_share_a_line(tmp_path: Path) -> None:
    other = '[[door]]\nname = "side"\nrelay = { line = 17 }\n'
    assert "door.side.relay: line 17 of /dev/gpiochip0 is used by door main already" in problems(tmp_path, GOOD + other)
    assert problems(tmp_path, GOOD + other + 'chip = "/dev/gpiochip1"\n') == []


@pytest.mark.parametrize("content", [b"[gate", b"\xff\xfe\x00", b"site = 1\nsite = 2"])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gate.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a TOML file"):
        load(tmp_path / "gate.toml")


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="--config"):
        load(tmp_path / "none.toml")


def test_the_sample_of_a_desk_is_in_order() -> None:
    loaded = load_either(ROOT / "config/desk.toml")
    assert isinstance(loaded, DeskConfig) and loaded.desk.site == "headquarters"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.0.1", "::1", "localhost"])
def test_a_password_that_stays_on_this_machine_needs_no_encryption(tmp_path: Path, host: str) -> None:
    broker = f'[broker]\nhost = "{host}"\nusername = "gate"\ncredential = "broker.password"\n'
    assert problems(tmp_path, GOOD + broker) == []


def test_a_door_that_no_camera_looks_at_is_allowed_and_told(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(GOOD + '[[door]]\nname = "side"\nrelay = { line = 18 }\n')
    told = [(where, str(why)) for where, why in load(tmp_path / "gate.toml").warnings()]
    assert told == [("door.side", "no camera looks at it, so it opens for nobody's face")]


@pytest.mark.parametrize("key", ["", 'key_credential = "reader.key"\n'])
def test_a_reader_that_is_never_heard_and_to_be_missed_is_allowed_and_told(tmp_path: Path, key: str) -> None:
    pad = f'[[reader]]\nname = "pad"\ndoor = "main"\nsilent_after_s = 60\n{key}'
    (tmp_path / "gate.toml").write_text(GOOD + pad)
    told = [(where, str(why)) for where, why in load(tmp_path / "gate.toml").warnings()]
    assert told == ([] if key else [("reader.pad", "without a key_credential it is never heard, and always silent")])


def test_a_door_that_asks_for_a_pin_without_a_keypad_is_allowed_and_told(tmp_path: Path) -> None:
    asks = GOOD.replace("[[door]]", '[[door]]\nsecond_factors = ["pin"]', 1)
    pad = '[[reader]]\nname = "pad"\ndoor = "main"\nkey_credential = "reader.key"\n'
    told = "it takes pin, and no reader with a key_credential is there to hear them"
    for text, expected in ((asks, [told]), (asks + pad, []), (asks + pad.replace("key_cred", "# key_cred"), [told])):
        (tmp_path / "gate.toml").write_text(text)
        assert [str(why) for _, why in load(tmp_path / "gate.toml").warnings()] == expected
