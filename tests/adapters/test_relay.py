"""The relay is active only while a pulse within its limit lasts and the gate that asked for it is there."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import msgspec
import pytest

from edge.site import GRANTED
from edge.terms import RelayOutcome
from edge.wire import RelayPulse, RelayRelock
from tests.adapters.brokers import until
from tests.adapters.guards import Client, GuardProcess, Heard
from tests.conftest import need

SHORT_S = 2.0
"""A pulse whose end is waited for; long enough to be seen, and followed, by a process that waits for its turn."""


@pytest.fixture(scope="module")
def running() -> Iterator[GuardProcess]:
    with closing(GuardProcess()) as guard:
        yield guard


@pytest.fixture
def guard(running: GuardProcess) -> GuardProcess:
    """A guard at rest: what one test has killed, pulled out or left active is in order again for the next."""
    if running.process.poll() is not None:
        running.process = running.start()
    until(lambda: running.site.chip.is_file() and not running.active())
    return running


@pytest.fixture
def client(guard: GuardProcess) -> Iterator[Client]:
    with closing(guard.client()) as client:
        yield client


def began(client: Client, guard: GuardProcess, seconds: float = 15.0) -> float:
    """Begin a pulse; its deadline."""
    deadline = client.pulse(seconds)
    assert client.hear() == Heard("p1", RelayOutcome.STARTED, "")
    assert guard.active()
    return deadline


def test_a_pulse_begins_at_once_and_ends_at_its_deadline(guard: GuardProcess, client: Client) -> None:
    deadline = began(client, guard, SHORT_S)
    assert client.hear() == Heard("p1", RelayOutcome.ENDED, "")
    assert not guard.active()
    assert time.monotonic() >= deadline


def test_a_second_pulse_and_one_beyond_the_limit_are_refused(guard: GuardProcess, client: Client) -> None:
    client.pulse(21.0)
    assert client.hear() == Heard("p1", RelayOutcome.REFUSED, "it is longer than 20 s")
    assert not guard.active()
    began(client, guard, SHORT_S)
    client.pulse(5.0, "p2")
    assert client.hear() == Heard("p2", RelayOutcome.BUSY, "a pulse is active")
    assert client.hear() == Heard("p1", RelayOutcome.ENDED, "")


def test_a_pulse_is_renewed_without_a_gap_and_relocked_at_once(guard: GuardProcess, client: Client) -> None:
    began(client, guard, 5.0)
    client.pulse(15.0, "p2", renews="p1")
    assert client.hear() == Heard("p2", RelayOutcome.STARTED, "")
    client.peer.send(RelayRelock("main"))
    assert client.hear() == Heard("p2", RelayOutcome.ENDED, "")
    assert not guard.active()


def test_a_flood_keeps_no_pulse_beyond_its_deadline(guard: GuardProcess, client: Client) -> None:
    deadline = began(client, guard, SHORT_S)

    def ended() -> bool:
        client.pulse(1.0, "more", "nowhere")
        return not guard.active()

    until(ended, SHORT_S + 10.0)
    assert time.monotonic() >= deadline


def test_when_the_gate_vanishes_its_pulse_ends(guard: GuardProcess, client: Client) -> None:
    began(client, guard)
    client.close()
    until(lambda: not guard.active(), 10.0)


@pytest.mark.parametrize(
    "nonsense", [b"\xc1", b"open the door", b"\x80", b"x" * 20_000], ids=["no-msgpack", "text", "no-type", "too-large"]
)
def test_nonsense_ends_the_pulse_and_the_connection(guard: GuardProcess, nonsense: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as raw:
        raw.settimeout(60.0)
        raw.connect(str(guard.socket))
        raw.send(msgspec.msgpack.encode(RelayPulse("main", "p1", time.monotonic() + 15.0)))
        assert b"started" in raw.recv(999)
        assert guard.active()
        raw.send(nonsense)
        assert raw.recv(999) == b"", "the guard has hung up"
        until(lambda: not guard.active(), 10.0)


def test_a_second_client_is_turned_away_and_disturbs_nothing(guard: GuardProcess, client: Client) -> None:
    deadline = began(client, guard, SHORT_S)
    with closing(guard.client()) as second, pytest.raises(EOFError):
        second.hear()
    assert client.hear() == Heard("p1", RelayOutcome.ENDED, "")
    assert time.monotonic() >= deadline


STRANGER = """
import os, socket, sys
os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
    line.settimeout(60)
    line.connect(sys.argv[1])
    try:
        line.send(bytes.fromhex(sys.argv[2]))
        print(line.recv(999))
    except (BrokenPipeError, ConnectionResetError):
        print(b"")
"""


def test_a_process_of_another_user_moves_no_relay(guard: GuardProcess) -> None:
    need(os.geteuid() == 0, "root, to be another user")
    for path in (guard.root, guard.socket.parent, guard.socket):
        path.chmod(0o777)  # as if the file system let it through
    wanted = msgspec.msgpack.encode(RelayPulse("main", "p1", time.monotonic() + 15.0))
    done = subprocess.run([sys.executable, "-c", STRANGER, str(guard.socket), wanted.hex()], capture_output=True)
    assert (done.stdout, done.stderr) == (b"b''\n", b"") and not guard.active()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_inactive_when_told(guard: GuardProcess, client: Client, told: signal.Signals) -> None:
    began(client, guard)
    guard.process.send_signal(told)
    assert guard.process.wait(60) == 0
    assert not guard.active()


def test_killed_it_leaves_the_relay_to_the_command_that_makes_it_safe(guard: GuardProcess, client: Client) -> None:
    began(client, guard)
    guard.process.kill()
    guard.process.wait()
    assert guard.active(), "a latching relay: that is what the command is for"
    done = guard.command("relay", "safe")
    assert (done.returncode, done.stdout, done.stderr) == (0, "inactive: main\n", "")
    assert not guard.active()


def test_started_again_it_begins_inactive(guard: GuardProcess, client: Client) -> None:
    began(client, guard)
    guard.process.kill()
    guard.process.wait()
    assert guard.active()
    guard.process = guard.start()
    assert not guard.active()


def test_stopped_and_continued_it_lets_go_of_what_is_overdue_before_it_listens(
    guard: GuardProcess, client: Client
) -> None:
    deadline = began(client, guard, SHORT_S)
    os.kill(guard.process.pid, signal.SIGSTOP)
    client.pulse(15.0, "p2")
    until(lambda: time.monotonic() > deadline + 0.2)
    assert guard.active(), "the stopped guard does nothing; its watchdog would"
    os.kill(guard.process.pid, signal.SIGCONT)
    assert client.hear() == Heard("p1", RelayOutcome.ENDED, "")
    assert client.hear() == Heard("p2", RelayOutcome.STARTED, "")


@pytest.fixture
def pulled(guard: GuardProcess) -> Iterator[Callable[[], None]]:
    """The guard's chip is not there until the test plugs it in."""
    chip = guard.site.chip
    chip.unlink()
    chip.mkdir()

    def plug() -> None:
        if chip.is_dir():
            chip.rmdir()  # who opens a simulated chip that is not there makes it

    yield plug
    plug()


def test_a_chip_that_is_pulled_out_is_reported_and_taken_back(
    client: Client, pulled: Callable[[], None], guard: GuardProcess
) -> None:
    client.pulse(1.0)
    assert client.hear() == Heard("p1", RelayOutcome.FAILED, f"there is no GPIO chip {guard.site.chip}")
    pulse, outcome, detail = client.hear()
    assert (pulse, outcome) == ("", RelayOutcome.UNAVAILABLE)
    assert "cannot be used" in detail
    pulled()
    assert client.hear() == Heard("", RelayOutcome.AVAILABLE, "")
    began(client, guard)


def test_a_chip_that_is_missing_at_the_start_is_reported_and_waited_for(
    guard: GuardProcess, pulled: Callable[[], None]
) -> None:
    guard.process.kill()
    guard.process.wait()
    guard.process = guard.start()
    with closing(guard.client()) as client:
        pulse, outcome, detail = client.hear()
        assert (pulse, outcome) == ("", RelayOutcome.UNAVAILABLE)
        assert "cannot be used" in detail
        client.pulse(1.0)
        assert client.hear() == Heard("p1", RelayOutcome.FAILED, detail)
        safe = guard.command("relay", "safe", "--json")
        assert (safe.returncode, "cannot be used" in safe.stdout, safe.stderr) == (1, True, "")
        pulled()
        assert client.hear() == Heard("", RelayOutcome.AVAILABLE, "")
        began(client, guard)


def test_the_relay_test_command_moves_only_a_relay_that_nobody_guards(guard: GuardProcess) -> None:
    busy = guard.command("relay", "test", "--seconds", "0.1")
    assert (busy.returncode, "the relay guard is running" in busy.stderr) == (1, True)
    guard.process.terminate()
    guard.process.wait()
    long = guard.command("relay", "test", "--seconds", "21")
    assert (long.returncode, "hard limit of 20.0 s" in long.stderr) == (1, True)
    done = guard.command("relay", "test", "--seconds", "0.1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert not guard.active()


@contextmanager
def trying(guard: GuardProcess, seconds: float) -> "Iterator[subprocess.Popen[bytes]]":
    """`edge-gate relay test` once the relay is active, without a guard."""
    guard.process.terminate()
    guard.process.wait()
    command = guard.site.command("relay", "test", "--seconds", str(seconds))[:-2]  # it takes no --credentials
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        until(guard.active)
        yield process
        process.kill()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_relay_test_command_ends_inactive_when_told(guard: GuardProcess, told: signal.Signals) -> None:
    with trying(guard, 19.0) as process:
        process.send_signal(told)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"")
    assert not guard.active()


def test_the_relay_test_command_killed_or_stopped_leaves_no_relay_active(guard: GuardProcess) -> None:
    with trying(guard, 19.0) as process:
        process.kill()
        until(lambda: not guard.active(), 10.0)
    with trying(guard, SHORT_S) as process:
        process.send_signal(signal.SIGSTOP)  # Ctrl-Z
        until(lambda: not guard.active(), 10.0)
        assert process.poll() is None


def test_it_leaves_the_lines_of_the_gate_alone(guard: GuardProcess, client: Client) -> None:
    with guard.site.chip.open("r+b") as lines:
        lines.seek(GRANTED)
        lines.write(b"\x01")
    began(client, guard, SHORT_S)
    assert client.hear().outcome is RelayOutcome.ENDED
    assert guard.active(GRANTED)
