"""The supervisor keeps children as systemd would: ready in order, watched, restarted, made safe, stopped."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import supervise
from edge.supervise import Child, Supervisor

READY = "from edge import notify; import time; notify.ready(); "
IDLE = READY + "time.sleep(60)"
PETS = READY + "\nwhile True: notify.watchdog(); time.sleep(0.05)"
WATCHDOG_S = 2.0


class Line:
    """What the children and their stop-post commands have written, a line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def says(self, word: str) -> str:
        """Python code that writes a line."""
        return f"open({str(self.path)!r}, 'a').write({word!r} + '\\n'); "

    def read(self) -> list[str]:
        return self.path.read_text().splitlines()


@pytest.fixture
def log(tmp_path: Path) -> Line:
    return Line(tmp_path / "log")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


Keep = Callable[..., Supervisor]


@pytest.fixture
def keep() -> Iterator[Keep]:
    kept: list[Child] = []

    def begin(*children: Child) -> Supervisor:
        kept.extend(children)
        return Supervisor(list(children))

    yield begin
    for child in kept:
        if child.process:
            child.process.kill()
            child.process.wait()
        child.close()


def turn(supervisor: Supervisor, wanted: Callable[[], object], within: float = 60.0) -> None:
    """Let the supervisor work until something is so."""
    end = time.monotonic() + within
    while not wanted():
        assert time.monotonic() < end, "waited in vain"
        supervisor.turn(0.01)


def pid(child: Child) -> int | None:
    return child.process.pid if child.process else None


def test_a_child_starts_when_what_it_comes_after_has_said_that_it_is_ready(keep: Keep, log: Line) -> None:
    slow = "import time; time.sleep(0.5); " + log.says("first") + IDLE
    first = Child("first", python(slow), WATCHDOG_S * 60)
    second = Child("second", python(log.says("second") + IDLE), WATCHDOG_S * 60, after=first)
    supervisor = keep(first, second)
    supervisor.turn(0.01)
    assert first.process and not second.process
    turn(supervisor, lambda: second.ready)
    assert log.read() == ["first", "second"]


def test_who_pets_the_watchdog_lives_and_who_stops_is_killed_and_started_again(keep: Keep) -> None:
    child = Child("pets", python(PETS), WATCHDOG_S)
    supervisor = keep(child)
    turn(supervisor, lambda: child.ready)
    first, begun = pid(child), time.monotonic()
    turn(supervisor, lambda: time.monotonic() - begun > 2 * WATCHDOG_S)
    assert pid(child) == first
    assert first
    os.kill(first, signal.SIGSTOP)
    stopped = time.monotonic()
    turn(supervisor, lambda: child.ready and pid(child) != first)
    assert time.monotonic() - stopped >= WATCHDOG_S * 0.5


def test_who_never_gets_ready_is_killed_in_its_own_time(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "READY_S", 0.5)
    child = Child("mute", python("import time; time.sleep(60)"), 0.01)
    begun = time.monotonic()
    supervisor = keep(child)
    supervisor.turn(0.01)
    turn(supervisor, lambda: child.process is None)
    assert time.monotonic() - begun >= 0.5


def test_who_ends_is_started_again_each_time_later(keep: Keep) -> None:
    child = Child("brief", python(""), WATCHDOG_S)
    keep(child)
    pauses: list[float] = []
    for begun, ended in ((100.0, 101.0), (200.0, 201.0), (300.0, 301.0), (400.0, 461.0)):
        assert child.due(begun)
        child.start(begun)  # not by the machine's own time, which passes as it likes under load
        assert child.process
        child.process.wait()
        assert child.look(ended)
        pauses.append(child.start_at - ended)
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 0.2]), "the last one ran for a minute"


@pytest.mark.parametrize("heard", [True, False])
def test_what_the_last_one_said_as_it_ended_is_not_taken_for_the_next_one(keep: Keep, heard: bool) -> None:
    child = Child("brief", python(READY), WATCHDOG_S)
    keep(child)
    child.start(0.0)
    assert child.process
    child.process.wait()
    assert child.look(0.0)
    if heard:
        child.hear(0.1)
        assert not child.ready, "who comes after it waits for the next one"
    child.command = python("import time; time.sleep(60)")
    child.start(0.2)
    child.hear(0.3)
    assert not child.ready


def test_whatever_ends_a_child_its_stop_post_runs_before_the_next_start(keep: Keep, log: Line) -> None:
    child = Child("relay", python(log.says("start") + IDLE), 60.0, stop_post=python(log.says("safe")))
    supervisor = keep(child)
    for _ in range(2):
        turn(supervisor, lambda: child.ready)
        os.kill(pid(child) or 0, signal.SIGKILL)
        turn(supervisor, lambda: child.process is None)
    turn(supervisor, lambda: child.ready)
    child.stop()
    assert log.read() == ["start", "safe"] * 3


def test_asked_to_stop_it_ends_the_children_even_those_that_do_not_want_to(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "STOP_S", 1.5)
    deaf = Child("deaf", python("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + IDLE), 60.0)
    good = Child("good", python(IDLE), 60.0)
    supervisor = keep(deaf, good)
    turn(supervisor, lambda: deaf.ready and good.ready)
    processes = [child.process for child in (deaf, good)]
    supervisor.stop()
    supervisor.run()
    assert [process.returncode for process in processes if process] == [-signal.SIGKILL, -signal.SIGTERM]
