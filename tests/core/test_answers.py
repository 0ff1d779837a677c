"""A gate that asks without end fills no journal, and is named in it all the same, with how often it was answered."""

import pytest

from edge.answers import TOLD_EVERY_S, Answers


class Journal:
    """Lines of a gate, the revision that it was told, and how often."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, int, int]] = []
        self.answers = Answers(self.write)
        self.full = False

    def write(self, *line: object) -> None:
        if self.full:
            raise OSError
        self.lines.append(line)  # type: ignore[arg-type]


def test_a_gate_is_written_down_once_a_revision_and_an_hour_and_every_answer_is_counted() -> None:
    journal = Journal()
    for second in range(3 * int(TOLD_EVERY_S)):
        journal.answers.note("lobby", 7, float(second))
    journal.answers.note("north", 7, 1.0)
    journal.answers.note("lobby", 8, 3 * TOLD_EVERY_S)
    hour = int(TOLD_EVERY_S)
    assert journal.lines == [
        ("lobby", 7, 1),
        ("lobby", 7, hour),
        ("lobby", 7, hour),
        ("north", 7, 1),
        ("lobby", 8, hour),
    ]


def test_what_was_counted_is_written_down_after_an_hour_also_when_nobody_asks_any_more_and_at_the_end() -> None:
    journal = Journal()
    for second in (0.0, 1.0, 2.0):
        journal.answers.note("lobby", 7, second)
    journal.answers.tell(TOLD_EVERY_S - 1)
    assert journal.lines == [("lobby", 7, 1)]
    journal.answers.tell(TOLD_EVERY_S)
    journal.answers.tell(3 * TOLD_EVERY_S)
    assert journal.lines == [("lobby", 7, 1), ("lobby", 7, 2)]
    journal.answers.note("lobby", 7, TOLD_EVERY_S + 1)
    journal.answers.tell(TOLD_EVERY_S + 2, everything=True)
    assert journal.lines[2:] == [("lobby", 7, 1)]


def test_an_answer_that_cannot_be_written_down_is_not_given_nor_counted() -> None:
    journal = Journal()
    journal.full = True
    with pytest.raises(OSError):  # noqa: PT011 - the journal's own
        journal.answers.note("lobby", 7, 0.0)
    journal.full = False
    journal.answers.tell(TOLD_EVERY_S)
    journal.answers.note("lobby", 7, TOLD_EVERY_S)
    assert journal.lines == [("lobby", 7, 1)]
