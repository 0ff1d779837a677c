"""`edge-gate privacy report`: what is held about one person, where, and that it was asked for."""

import pytest

from tests.adapters.brokers import until
from tests.adapters.sites import Place
from tests.commands import answer, complaint

pytestmark = pytest.mark.real


def test_all_that_is_held_is_told_and_after_erasing_nothing_is(place: Place) -> None:
    ann, _ = place.enroll("Ann Example")
    place.start("broker", "desk", "north")
    place.wait(1)
    options = [ann, "--config", place.town.root / "desk.toml", "--credentials", place.town.root / "credentials"]
    until(lambda: place.town.office().contacts())
    told = answer("privacy", "report", *options)
    assert (told["record"]["name"], told["record"]["consent"], told["record"]["templates"]) == (
        "Ann Example",
        "synthetic",
        3,
    )
    assert [(gate["gate"], gate["holds"]) for gate in told["gates"]] == [("north", True), ("south", None)]
    assert [line["deed"] for line in told["processing"]] == ["person.enrolled", "person.reported"]
    gone = place.town.people().revoke(ann)
    until(lambda: place.town.office().receipts(ann, gone.revision))
    assert [gate["holds"] for gate in answer("privacy", "report", *options)["gates"]] == [False, None]
    gone = place.town.people().erase(ann)
    until(lambda: place.town.office().receipts(ann, gone.revision))
    told = answer("privacy", "report", *options)
    assert [(gate["gate"], gate["holds"]) for gate in told["gates"]] == [("north", False), ("south", None)]
    assert [receipt["gate"] for receipt in told["receipts"]] == ["north"]
    assert "Ann Example" not in str(told) and "synthetic" not in str(told)
    assert "nobody" in complaint("privacy", "report", "zzzzzzzz", *options[1:])
