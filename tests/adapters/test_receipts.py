"""Receipts of destroyed templates outlast a kill at any moment: each is owed from before the template is destroyed."""

import itertools
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from edge.enrolled import Bounds, Consent, Standing
from edge.invitation import end
from edge.passbook import BOOK, Passbook
from edge.retention import carry_out, destroyed
from edge.seal import new_sealing_key
from edge.site import Site
from edge.whitelist import KEY, Whitelist

TODAY = datetime.now(UTC).date()
FACE = np.eye(1, 8, dtype=np.float32)


def made(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site", tmp_path)
    if not (site.secrets / KEY).exists():
        new_sealing_key(site.secrets / KEY)
    return site


def killed_at_each_step(site: Site, work: Callable[[], object]) -> Iterator[None]:
    """The state that is left when the work is killed before its first statement of SQL, its second, ..., or not."""
    state, kept = site.config.state, site.root / "kept"
    shutil.copytree(state, kept)
    for steps in itertools.count():
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        if not (child := os.fork()):
            killed_after(steps, work)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
        yield
        if status == 0:
            return


def killed_after(steps: int, work: Callable[[], object]) -> None:
    """Do the work in this process, which is to end, with every statement a step."""
    left, connect = itertools.count(steps, -1), sqlite3.connect

    def step(_statement: str) -> None:
        if next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(step)
        return connection  # type: ignore[no-any-return]

    sqlite3.connect = traced  # type: ignore[assignment]
    work()
    os._exit(0)


def owed(site: Site, today: date) -> list[str]:
    return destroyed(Passbook(site.config.state / BOOK).owed(), site.config, site.credentials, today)


def gone(people: Whitelist, today: date) -> list[str]:
    return sorted(each.id for each in people.people(today) if each.standing is Standing.ERASED)


def test_who_is_erased_because_their_last_day_is_over_has_a_receipt_whenever_that_is_killed(tmp_path: Path) -> None:
    site = made(tmp_path)
    people = Whitelist.of(site.config, site.credentials, write=True)
    over = Consent("form 1", "access", TODAY)
    both = sorted(people.enroll(name, over, "pack", FACE).id for name in ("Ann", "Bob"))
    people.enroll("Cem", Consent("form 1", "access", TODAY + timedelta(days=9)), "pack", FACE)
    Passbook(site.config.state / BOOK)
    after = TODAY + timedelta(days=1)
    seen = set()
    for _ in killed_at_each_step(site, lambda: carry_out(site.config, site.credentials, after)):
        assert owed(site, after) == gone(people, after)
        seen.add(len(gone(people, after)))
        carry_out(site.config, site.credentials, after)
        assert owed(site, after) == gone(people, after) == both
    assert seen == {0, 1, 2}


def test_a_face_that_ends_with_its_pass_has_a_receipt_whenever_that_is_killed(tmp_path: Path) -> None:
    site = made(tmp_path)
    people = Whitelist.of(site.config, site.credentials, write=True)
    visit = Consent("invitation", "visit", TODAY + timedelta(days=1))
    visitor = people.enroll("visitor", visit, "pack", FACE, Bounds(with_pass=True)).id
    Passbook(site.config.state / BOOK)
    seen = set()
    for _ in killed_at_each_step(site, lambda: end(visitor, site.config, site.credentials)):
        assert owed(site, TODAY) == gone(people, TODAY)
        seen.add(len(gone(people, TODAY)))
        end(visitor, site.config, site.credentials)
        assert owed(site, TODAY) == gone(people, TODAY) == [visitor]
    assert seen == {0, 1}
