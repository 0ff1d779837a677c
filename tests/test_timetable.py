"""Schedules, levels and areas of a configuration: nonsense is named, all of it at once."""

from pathlib import Path

import pytest

from edge.config import load
from edge.errors import ConfigurationError
from edge.rules import gate_rules

GATE = """
[gate]
site = "hq"
name = "lobby"
[[camera]]
name = "front"
url = "rtsp://192.0.2.1/s"
door = "main"
into = "lobby"
[[door]]
name = "main"
relay = { line = 17 }
contact = { line = 27 }
unlocked = "office"
[[area]]
name = "lobby"
passback = "hard"
[[schedule]]
name = "office"
periods = ["mon-fri 08:00-18:00"]
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "gate.toml"
    file.write_text(GATE + text)
    with pytest.raises(ConfigurationError) as error:
        load(file)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[schedule]]\nname = "x"\nperiods = ["mon-fri 08:00-18:00", "wed 17:59-19:00"]',
            "overlaps another one on",
        ),
        ('[[schedule]]\nname = "x"\nperiods = ["fri 22:00-06:00"]', "ends before it begins"),
        ('[[schedule]]\nname = "x"', "never in force"),
        ('[[schedule]]\nname = "x"\nholidays = ["08:00-10:00", "09:00-11:00"]', "overlaps"),
        ('[[schedule]]\nname = "x"\nexceptions = { soon = ["08:00-10:00"] }', "soon is no date"),
        ('[[schedule]]\nname = "always"\nperiods = ["mon 08:00-09:00"]', "always is there already"),
        ('[[level]]\nname = "staff"\ndoors = ["side"]\nschedule = "office"', "there is no door side"),
        ('[[level]]\nname = "staff"\ndoors = ["main"]\nschedule = "x"', "no schedule x; there are: office, always"),
        (
            '[[reader]]\nname = "pad"\ndoor = "main"\ninto = "cellar"',
            "no area cellar; there are: lobby, outside",
        ),
        ('[[reader]]\nname = "front"\ndoor = "main"', "the name front is used twice"),
        ('[calendar]\ntime_zone = "Mars/Olympus"', "Mars/Olympus is no time zone"),
        ('[calendar]\nholidays = ["2026-02-30"]', "2026-02-30 is no date"),
        ('[[schedule]]\nname = "x"\nexceptions = { 20261224 = ["00:00-24:00"] }', "20261224 is no date"),
        ('[calendar]\nholiday_file = "none.txt"', "cannot be read"),
        ('[[area]]\nname = "outside"', "outside is there already"),
        ('[[door]]\nname = "inner"\nrelay = { line = 5 }\ninterlock = ["main"]', "contact: is needed with interlock"),
        ('[[door]]\nname = "inner"\nrelay = { line = 5 }\nsecond_factor = "always"', "second_factors: is needed"),
    ],
)
def test_nonsense_is_named(tmp_path: Path, text: str, told: str) -> None:
    [problem] = problems(tmp_path, text)
    assert told in problem


def test_every_bad_line_of_a_holiday_file_is_named_beside_all_else(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("2026-10-01\nsoon\n2026-13-01 x\n")
    days = '[calendar]\nholiday_file = "days.txt"\n'
    found = problems(tmp_path, f'{days}[[level]]\nname = "s"\ndoors = ["x", "y"]\n')
    assert len(found) == 4
    assert len(problems(tmp_path, f'{days}[[schedule]]\nname = "x"\n')) == 3, "also when another table is wrong"
    assert "line 2 of" in found[2] and "line 3 of" in found[3]


def test_the_rules_are_what_was_configured(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("2026-10-01\n")
    file = tmp_path / "gate.toml"
    inner = '[[door]]\nname = "inner"\nrelay = { line = 5 }\ncontact = { line = 6 }\ninterlock = ["main"]\n'
    file.write_text(GATE + inner + '[calendar]\nholiday_file = "days.txt"\n')
    rules = gate_rules(load(file))
    assert rules.doors["main"].interlock == ("inner",)  # a sluice works both ways
    assert rules.into == {"front": "lobby"} and rules.unlocked == {"main": "office"}
    assert [str(day) for day in rules.permits.calendar.holidays] == ["2026-10-01"]
    assert rules.permits.calendar.open("office", 1_795_500_000)  # Tuesday 2026-11-24, 14:00 in Shanghai
