"""What somebody who writes to the room's database does to the events there."""

import msgspec
from sqlalchemy import delete, select, update

from edge.seal import chain_hash
from monitor.acceptance import Acceptances
from monitor.database import Database
from monitor.gaps import Gap
from monitor.ledger import Ledger
from monitor.tables import EVENTS
from tests.room.test_casebook import EPOCH, Chain

WHY = "its disk was replaced"


def place(sequence: int) -> str:
    return f"hq/gate-1/{EPOCH}/{sequence}"


def recorded(database: Database, events: int = 7) -> Ledger:
    chain = Chain(database)
    for number in range(events):
        chain.report("RequestToExit", 100, note=str(number))
    return chain.ledger


def lose(database: Database, *sequences: int) -> None:
    with database.writing() as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.sequence.in_(sequences)))


def rewrite(database: Database, sequence: int, **values: object) -> None:
    """Change what an event says."""
    with database.writing() as connection:
        where = EVENTS.c.sequence == sequence
        payload = connection.execute(select(EVENTS.c.payload).where(where)).scalar_one()
        changed = msgspec.json.encode({**msgspec.json.decode(payload), **values})
        connection.execute(update(EVENTS).where(where).values(payload=changed))


def forge(database: Database, sequence: int, **values: object) -> None:
    """The same, with the hash that fits it."""
    rewrite(database, sequence, **values)
    with database.reading() as connection:
        payload = connection.execute(select(EVENTS.c.payload).where(EVENTS.c.sequence == sequence)).scalar_one()
    move(database, sequence, hash=chain_hash(msgspec.json.decode(payload)))


def move(database: Database, event: int, **columns: object) -> None:
    """Change what the database says of an event."""
    with database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.sequence == event).values(**columns))


def known(acceptances: Acceptances) -> list[Gap]:
    return [each.gap for each in acceptances.all()]
