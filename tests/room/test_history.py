"""What is looked up among recorded events, and what of them ends when its time is over."""

import re
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, text, update

from edge.errors import StoreError
from edge.events import TABLE
from edge.transport import Event
from monitor.api import since_time
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.gaps import GONE
from monitor.history import History, Wanted
from monitor.limits import Rules
from monitor.settings import load
from monitor.tables import EVENTS
from monitor.terms import DAY_S
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, get
from tests.room.test_casebook import EPOCH, Chain, as_before, committed


def test_erasing_who_passed_leaves_a_chain_that_is_whole(database: Database) -> None:
    chain, history = Chain(database), History(database)
    old, now = time.time() - 100 * 86_400, time.time()
    for at in (old, now):
        chain.report("AccessGranted", 100, at)
    assert history.erase(now - 90 * 86_400) == 1 and history.erase(now - 90 * 86_400) == 0
    named, erased = history.search(Wanted(), 10, personal=True)
    assert named.event["data"]["personal"] == {"person": "p001"} and "personal" not in erased.event["data"]
    assert [each.position for each in history.search(Wanted(person="p001"), 10)] == [2]
    assert "personal" not in history.search(Wanted(), 1)[0].event["data"]
    assert chain.ledger.verify()


@pytest.mark.parametrize("when", ["2036-01-01T00:00:00.000Z", "zzzz"])
def test_a_gate_whose_clock_is_wrong_keeps_nobodys_name_for_longer(database: Database, when: str) -> None:
    chain, history = Chain(database), History(database)
    chain.report("AccessGranted", 100, when)
    assert history.erase(time.time() - 1) == 0
    assert history.erase(time.time() + 1) == 1 and history.erase(time.time() + 1) == 0
    assert "personal" not in history.search(Wanted(), 1, personal=True)[0].event["data"] and chain.ledger.verify()


def test_more_names_than_a_batch_end_one_batch_after_the_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.history.ERASED", 2)
    chain, history = Chain(database), History(database)
    for when in (time.time() - DAY_S, "2036-01-01T00:00:00.000Z", time.time() - DAY_S):
        chain.report("AccessGranted", 100, when)
    erased = [history.erase(time.time() + 1) for _ in range(4)]
    assert sum(erased) == 3 and max(erased) <= 2 and erased[-1] == 0


PERSONAL = {kind: row.personal for kind, row in TABLE.items() if row.personal}


@pytest.mark.parametrize("kind", PERSONAL, ids=lambda kind: kind.__name__)
def test_whatever_is_personal_in_an_event_ends(database: Database, kind: type[Event]) -> None:
    chain, history = Chain(database), History(database)
    chain.report(
        kind.__name__, 100, time.time() - 100 * 86_400, **committed(**dict.fromkeys(PERSONAL[kind], "Wang Fang"))
    )
    assert b"Wang Fang" in (chain.ledger.find(f"{EPOCH}-{1:012}") or b"")
    assert history.erase(time.time() - 90 * 86_400) == 1
    assert b"Wang Fang" not in (chain.ledger.find(f"{EPOCH}-{1:012}") or b"") and chain.ledger.verify()
    with database.reading() as connection:
        assert connection.execute(select(EVENTS.c.person)).scalar_one() is None


def test_names_in_answered_commands_of_an_older_room_end_too(tmp_path: Path) -> None:
    with Database(tmp_path / "room.sqlite") as database:
        Chain(database).report("CommandAnswered", 100, time.time() - 100 * 86_400, **committed(operator="li", by="li"))
        as_before(database, 6)
    with Database(tmp_path / "room.sqlite") as database:
        assert History(database).erase(time.time()) == 1


@pytest.mark.parametrize("version", ["", "9999"])
def test_a_database_of_an_unknown_version_is_refused(database: Database, version: str) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(StoreError, match="does not name a version that this edge-gate knows"):
        Database(Path(database.name) if database.is_sqlite else database.url.render_as_string(False))


@pytest.mark.parametrize("payload", [b"", b"\xff", b"5", b"{}", b'{"data": 5}', b"[" * 100_000])
def test_a_damaged_event_does_not_keep_others_from_being_shown_or_erased(database: Database, payload: bytes) -> None:
    chain, history = Chain(database), History(database)
    for _ in range(2):
        chain.report("AccessGranted", 100, time.time() - 100 * 86_400)
    with database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.sequence == 1).values(payload=payload))
    noted = [each.event for each in history.search(Wanted(), 10)][1]
    assert history.erase(time.time()) == 2 and history.erase(time.time()) == 0
    again = [each.event for each in history.search(Wanted(), 10, personal=True)][1]
    assert noted == again and (noted["source"], noted["type"]) == ("/hq/gate-1", "edge-gate.AccessGranted")
    with database.reading() as connection:
        rows = connection.execute(select(EVENTS.c.payload).order_by(EVENTS.c.sequence)).scalars().all()
    assert bytes(rows[0]).startswith(GONE) and not any(b"p001" in bytes(row) for row in rows)
    assert [gap.place.sequence for gap in chain.ledger.audit().gaps] == [1]


@pytest.mark.parametrize(
    "deed", ["DELETE FROM events WHERE sequence = 3", "UPDATE events SET payload = ? WHERE sequence = 3"]
)
def test_an_event_that_is_missing_or_changed_is_named(database: Database, deed: str) -> None:
    chain, history = Chain(database), History(database)
    for number in range(5):
        chain.report("RequestToExit", 100, note=str(number))
    assert chain.ledger.audit() == (5, [])
    payload = msgspec.json.encode(history.search(Wanted(), 10)[1].event)  # that of another place
    with database.writing() as connection:
        values = {"payload": payload} if "?" in deed else {}
        connection.execute(text(deed.replace("?", ":payload")), values)
    events, gaps = chain.ledger.audit()
    assert events == 2 and [gap.place for gap in gaps] == [("hq", "gate-1", EPOCH, 3)]


def test_history_goes_on_where_a_page_ended(database: Database) -> None:
    chain, history = Chain(database), History(database)
    for number in range(7):
        chain.report("RequestToExit", 100, 1_790_000_000.0 + number // 2)
    seen: list[int] = []
    before = None
    while page := history.search(Wanted(gate="gate-1"), 3, before):
        seen += [each.position for each in page]
        before = page[-1].position
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert [each.late for each in history.since(0, Wanted(), 1)] == [True]
    assert history.types() == ["edge-gate.RequestToExit"]


@pytest.mark.parametrize(
    "asked", ["2026-11-24T08:00:00Z", "2026-11-24T16:00:00.000+08:00", "2026-11-24T16:00:00 08:00"]
)
def test_a_time_is_looked_for_as_gates_write_it(database: Database, asked: str) -> None:
    Chain(database).report("RequestToExit", 100, 1_795_507_200.0)
    assert len(History(database).since(0, Wanted(since=since_time(asked)), 10)) == 1


@pytest.mark.real
def test_a_gate_is_looked_for_by_its_place_or_by_a_name_at_every_site(broker: Mosquitto, tmp_path: Path) -> None:
    monitor = Monitor(tmp_path, broker)
    with Database(load(monitor.config).database) as database:
        for site in ("hq", "annex"):
            Casebook(database, Rules()).recorded(Chain(database, site).report("DoorTamper", active=True))
    with monitor:
        for gate, sites in (("hq/gate-1", ["hq"]), ("gate-1", ["annex", "hq"]), ("elsewhere/gate-1", [])):
            events = monitor.call(f"/api/events?gate={gate}")["events"]
            assert sorted(each["event"]["source"].split("/")[1] for each in events) == sites
            alarms = monitor.call(f"/api/alarms?gate={gate}")["alarms"]
            assert sorted(alarm["site"] for alarm in alarms) == sites
            table = get(f"{monitor.url}/history.csv?gate={gate}", auth=("li", PASSWORD)).text
            assert len(table.splitlines()) == 1 + len(sites)
            page = get(f"{monitor.url}/history?gate={gate}", auth=("li", PASSWORD)).text
            assert page.count('<tr role="row">') == len(sites)
            offered = re.findall(r'<option(?: value="([^"]+/[^"]+)")?( selected)?>([^<]*gate-1)</option>', page)
            assert {(place, name) for place, _, name in offered if place} == {
                ("hq/gate-1", "hq/gate-1"), ("annex/gate-1", "annex/gate-1"),
            }  # fmt: skip
            assert [place or name for place, chosen, name in offered if chosen] == [gate]
