"""Uses of passes are on the disk before a grant is recorded, and come back where no door was released."""

from collections.abc import Callable

from edge.doorevents import AccessGranted
from edge.effects import Emit, UseSettled
from edge.facts import PassShown, Recorded
from edge.invitation import Wish, invite
from edge.passbook import BOOK
from edge.porter import Lately
from edge.terms import Now
from tests.adapters.brokers import until
from tests.adapters.porters import NOW, Desk


def test_a_use_is_on_the_disk_before_the_grant_is_recorded_and_a_damaged_book_opens_nothing(
    desk: Callable[..., Desk],
) -> None:
    at = desk(trusted=False)
    granted = Emit("door/main", AccessGranted("k7m2", None, credential="k7m2"), 5)
    at.porter.start()
    at.porter.spend(granted, Now(1.0, NOW))
    until(lambda: at.recorded)
    assert at.book.used("k7m2") == 1
    at.porter.stop()
    at.porter.join()  # it looks into the book now and then, and would begin one where it finds an empty file
    (at.site.config.state / BOOK).write_bytes(b"damaged" * 1000)
    after = desk(trusted=False)
    after.porter.start()
    after.porter.spend(granted, Now(1.0, NOW))
    until(lambda: after.of(Recorded))
    assert after.of(Recorded) == [Recorded(5, False)] and not after.recorded


def test_a_use_whose_grant_opened_nothing_is_given_back_once_and_never_one_of_another_grant(
    desk: Callable[..., Desk],
) -> None:
    at = desk()
    at.book.spend("k7m2", NOW + 60)
    at.porter.start()
    at.grant(5)
    for ticket in (5, 5, 4):  # twice, and of a grant whose use was never written down
        at.porter.settle(UseSettled("k7m2", ticket, False))
    at.grant(6)
    at.porter.settle(UseSettled("k7m2", 6, True))
    at.grant(7, "other")
    assert at.book.used("k7m2") == 2


def test_a_run_that_ends_before_a_use_is_given_back_leaves_it_counted(desk: Callable[..., Desk]) -> None:
    first = desk()
    first.porter.start()
    first.grant(5)
    second = desk()
    second.porter.start()
    second.porter.settle(UseSettled("k7m2", 5, False))
    second.grant(1, "other")
    assert second.book.used("k7m2") == 1


def test_a_use_is_given_back_when_the_disk_can_be_written_again(desk: Callable[..., Desk]) -> None:
    at = desk()
    made = invite(Wish("A", ["gate-1"], NOW - 60, NOW + 60), at.site.config, at.site.credentials)
    at.porter.start()
    at.grant(5)
    book = at.site.config.state / BOOK
    book.rename(book.with_name("away"))
    book.mkdir()
    at.porter.settle(UseSettled("k7m2", 5, False))
    at.show(made.token)
    until(lambda: at.of(PassShown))  # the porter has come past it
    book.rmdir()
    book.with_name("away").rename(book)
    until(lambda: at.book.used("k7m2") == 0)


def test_other_gates_are_told_of_a_use_when_it_stands(desk: Callable[..., Desk]) -> None:
    """They count for good what they have heard."""
    at = desk()
    for used in ("k7m2", "x"):
        at.book.spend(used, NOW + 60, shared=True)
    at.porter._lately = {used: Lately(NOW + 60, True) for used in ("k7m2", "x")}
    at.porter.start()
    until(lambda: at.published)
    at.grant(5)
    at.grant(6, "x")
    at.porter.settle(UseSettled("x", 6, True))
    until(lambda: len(at.published) == 2)
    at.porter.settle(UseSettled("k7m2", 5, True))
    until(lambda: len(at.published) == 3)
    assert at.published == [{"k7m2": 1, "x": 1}, {"k7m2": 1, "x": 2}, {"k7m2": 2, "x": 2}]
