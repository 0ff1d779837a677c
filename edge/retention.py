"""What the law has end by itself: people whose last day is over, and a journal that need be kept no longer."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from edge.audit import Audit
from edge.config import Config, Credentials, DeskConfig
from edge.enrolled import Standing
from edge.passbook import BOOK, Passbook
from edge.whitelist import FILE, Whitelist


def carry_out(config: Config | DeskConfig, credentials: Credentials, today: date) -> None:
    """Erase and cut off what is over on a day that a trusted clock has shown.

    A gate owes a receipt for everybody whom it erases; for a desk's list each of its gates gives one.
    """
    if not (config.state / FILE).exists():
        return
    people = Whitelist.of(config, credentials, write=True)
    for person in people.over(today):
        if isinstance(config, Config):
            Passbook(config.state / BOOK).owe(person)
        people.expire(person)
    Audit.of(config, credentials).cut(datetime.combine(today, time.min, UTC))


def destroyed(owed: Iterable[str], config: Config, credentials: Credentials, today: date) -> list[str]:
    """Those of whom nothing is left here, so that their receipts are true; somebody may yet be erased."""
    if not (people := list(owed)) or not (config.state / FILE).exists():
        return people
    standings = {each.id: each.standing for each in Whitelist.of(config, credentials).people(today)}
    return [person for person in people if standings.get(person, Standing.ERASED) is Standing.ERASED]
