"""`edge-gate simulate-site`: plausible traffic of a whole site, for trying the monitoring room."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlsplit

import typer

from edge.cli.common import JsonOption, emit, say
from edge.errors import EdgeError, LinkError
from edge.i18n import N_

ENDING = {signal.SIGTERM, signal.SIGINT}


def simulate_site(
    broker: Annotated[str, typer.Option("--broker", metavar="URL", help=N_("The broker: mqtt://HOST:PORT."))] = "",
    gates: Annotated[int, typer.Option("--gates", min=1, max=100, help=N_("How many gates."))] = 7,
    people: Annotated[
        float, typer.Option("--people", min=0.001, max=100, help=N_("How many people come by a second, at each gate."))
    ] = 0.1,
    directory: Annotated[
        Path | None, typer.Option("--directory", metavar="DIRECTORY", help=N_("Keep the gates' event logs here."))
    ] = None,
    recorder_key: Annotated[
        Path | None,
        typer.Option("--recorder-key", metavar="FILE", exists=True, help=N_("The recorder's public key, .pub.")),
    ] = None,
    operator_key: Annotated[
        Path | None,
        typer.Option("--operator-key", metavar="FILE", exists=True, help=N_("The key of the operator `room`, .pub.")),
    ] = None,
    room: Annotated[
        Path | None,
        typer.Option("--room", metavar="DIRECTORY", help=N_("Start a broker and a monitoring room here as well.")),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help=N_("Where that room serves its page."))] = 8080,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, max=604800, help=N_("How long; otherwise until interrupted."))
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run simulated gates at a broker: people pass, strangers are refused, and now and then something breaks."""
    if bool(broker) == bool(room):
        raise EdgeError("name a broker with --broker, or a directory with --room")
    with _running(broker, room, port, gates, people, directory, (recorder_key, operator_key), quiet=json):
        _wait(seconds)
    if json:
        from edge.traffic import names

        emit({"gates": names(gates)})


@contextmanager
def _running(
    broker: str, room: Path | None, port: int, gates: int, people: float, directory: Path | None,
    keys: tuple[Path | None, Path | None], quiet: bool,
) -> Iterator[None]:  # fmt: skip
    """The gates, at a broker that is there or with one and a room of their own."""
    from edge.config import BrokerSection
    from edge.showroom import showroom
    from edge.traffic import SimulatedSite

    tell = (lambda template, **fields: None) if quiet else say
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    if room:
        import_module("monitor.room")  # what is not installed is told before anything is started
        with showroom(room, gates, people, tell, port):
            yield
        return
    host, number = address(broker)
    _reach(host, number)
    with TemporaryDirectory(prefix="edge-gate-site-") as scratch:
        where = BrokerSection(host=host, port=number)
        site = SimulatedSite(directory or Path(scratch), gates, where, keys[0], people, keys[1])
        site.start()
        tell("{count} gates are simulated at {host}:{port}", count=gates, host=host, port=number)
        yield
        site.stop()


def _reach(host: str, port: int) -> None:
    """A broker that is not there is told before anything is started."""
    from edge.mqtt import Address, Connection

    try:
        Connection(Address(host, port)).close()
    except LinkError as error:
        text, hint = "no broker answers at {host}:{port}: {why}", "start it, or have --room DIRECTORY start one"
        raise LinkError(text, hint, host=host, port=port, why=error.fields["why"]) from error


def _wait(seconds: float | None) -> None:
    if seconds is None:
        signal.sigwait(ENDING)
    else:
        signal.sigtimedwait(ENDING, seconds)


def address(broker: str) -> tuple[str, int]:
    """Host and port of `mqtt://HOST[:PORT]` or `HOST[:PORT]`."""
    try:
        parts = urlsplit(broker if "://" in broker else f"mqtt://{broker}")
        port = parts.port or 1883
    except ValueError as error:
        raise EdgeError("{broker} is not mqtt://HOST:PORT", broker=broker) from error
    if parts.scheme not in ("mqtt", "tcp") or not parts.hostname:
        raise EdgeError("{broker} is not mqtt://HOST:PORT", broker=broker)
    return parts.hostname, port
