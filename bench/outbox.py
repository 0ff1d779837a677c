"""How fast undelivered events are recorded and then delivered, through a broker that is killed on the way.

Real parts, each a process of its own as in a building: mosquitto without persistence, the gate's outbox and broker
link, the recorder. `python -m bench.outbox send|record` is one of the two.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from edge.broker import Broker
from edge.config import BrokerSection, Config, Credentials, GateSection
from edge.doorevents import AccessDenied, AccessGranted, DoorForcedOpen
from edge.errors import EdgeError
from edge.mqtt import Address
from edge.outbox import WAITING, Outbox
from edge.presence import Liveness, Motion, Verdict
from edge.seal import new_signing_key
from edge.simulate import HOST, DemoBroker
from edge.terms import Evidence, Now, Quality, Reason
from edge.transport import Event
from monitor.ledger import Ledger
from monitor.recorder import Recorder

SITE, GATE = "bench", "gate-1"
PATIENCE_S = 300.0


class Result(Struct):
    """Events a second while nothing can be delivered, and from the broker's start to the last one committed."""

    events: int
    appended_per_s: float
    delivered_per_s: float
    lost: int
    duplicates_removed: int
    in_order: bool


Progress = Callable[[str, int, int], None]


def measure(events: int, progress: Progress) -> Result:
    """Append that many events without a broker, then deliver them. `progress` gets phase, done and total."""
    broker = DemoBroker()
    if broker.kind != "mosquitto":
        raise EdgeError("the outbox is measured with mosquitto", "install it: apt install mosquitto")
    with TemporaryDirectory(prefix="edge-gate-bench-") as directory:
        work = Path(directory)
        new_signing_key(work / "recorder.jwk")
        ledger = Ledger(work / "events.sqlite")
        recorder, sender = _start("record", work, broker.port), _start("send", work, broker.port, events)
        try:
            progress("append", 0, events)
            appended_s = float(_line(sender))
            with broker:
                delivered_s = _deliver(broker, ledger, events, progress)
        finally:
            for process in (sender, recorder):
                process.terminate()
                process.communicate()
        return _judge(ledger, events, appended_s, delivered_s)


def _start(role: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.outbox", role, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    if not (line := process.stdout.readline()):
        raise EdgeError("the sending process ended: {status}", status=process.wait())
    return line


def _deliver(broker: DemoBroker, ledger: Ledger, events: int, progress: Progress) -> float:
    """Seconds until all is recorded, or until patience ends; half-way the broker loses its memory."""
    begun, killed = time.monotonic(), False
    while (done := ledger.totals().events - 1) < events and time.monotonic() - begun < PATIENCE_S:
        progress("deliver", max(done, 0), events)
        if done >= events // 2 and not killed:
            broker.restart()
            killed = True
        time.sleep(0.05)
    return time.monotonic() - begun


def _judge(ledger: Ledger, events: int, appended_s: float, delivered_s: float) -> Result:
    totals = ledger.totals()
    recorded = totals.events - 1  # the first of an epoch says that it begins
    return Result(
        events=events,
        appended_per_s=round(events / appended_s, 1),
        delivered_per_s=round(recorded / delivered_s, 1),
        lost=events - recorded,
        duplicates_removed=totals.duplicates_removed,
        in_order=totals.problems == 0 and ledger.verify(),
    )


def _event(number: int) -> tuple[str, Event]:
    """What a busy gate reports: grants, refusals, and an alarm now and then."""
    evidence = made_up(number)
    if number % 50 == 0:
        return "door-1", DoorForcedOpen(number % 100 == 0)
    if number % 5 == 0:
        return "door-1", AccessDenied(Reason.CREDENTIAL_NOT_FOUND, evidence, 212.0)
    return "door-1", AccessGranted(f"person-{number % 997}", evidence)


def made_up(track: int) -> Evidence:
    """What a decision may rest on."""
    quality = Quality(60.0, 0.8, 3.0, -2.0, 0.5)
    live = Liveness(Verdict.LIVE, 0.97, Motion.OWN, 0.1, 3, 0.5)
    return Evidence("cam-1", track, "votes", "zoo", 3, 41.5, quality, live, 0.71, 0.3, 0.44, 12)


def send(work: Path, port: int, events: int) -> None:
    """A gate's outbox and broker link: record the events, say how long it took, deliver until terminated."""
    gate = GateSection(SITE, GATE, state_dir=str(work))
    config = Config(gate, [], [], broker=BrokerSection(host=HOST, port=port))
    capacity = max(2 * events, 100_000)
    outbox = Outbox(work / "outbox.sqlite", SITE, GATE, capacity, 0.8, lambda fact: None)
    broker = Broker(config, Credentials(work), outbox, lambda fact: None)
    broker.start()
    begun = time.monotonic()
    for number in range(1, events + 1):
        while number - outbox.backlog.last > WAITING // 2:
            time.sleep(0.001)
        outbox.append(*_event(number), Now(time.monotonic(), time.time()))
    while outbox.backlog.last < events + 1:
        time.sleep(0.001)
    print(time.monotonic() - begun, flush=True)
    signal.sigwait({signal.SIGTERM})
    broker.close()
    outbox.close()


def record(work: Path, port: int) -> None:
    """The recorder, as `edge-gate record` runs it."""
    recorder = Recorder(
        Address(HOST, port), work / "events.sqlite", work / "recorder.jwk", lambda template, **fields: None
    )
    signal.signal(signal.SIGTERM, lambda *_: recorder.stop())
    recorder.run()


if __name__ == "__main__":
    role, directory, port, *rest = sys.argv[1:]
    if role == "send":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        send(Path(directory), int(port), int(rest[0]))
    else:
        record(Path(directory), int(port))
