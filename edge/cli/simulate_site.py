"""`edge-gate simulate-site`: plausible traffic of a whole site, for trying the monitoring room."""

import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlsplit

import typer

from edge.cli.common import JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_


def simulate_site(
    broker: Annotated[str, typer.Option("--broker", metavar="URL", help=N_("The broker: mqtt://HOST:PORT."))],
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
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, max=604800, help=N_("How long; otherwise until interrupted."))
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run simulated gates at a broker: people pass, strangers are refused, and now and then something breaks."""
    from edge.config import BrokerSection
    from edge.traffic import SimulatedSite, names

    host, port = address(broker)
    with TemporaryDirectory(prefix="edge-gate-site-") as scratch:
        section = BrokerSection(host=host, port=port)
        site = SimulatedSite(directory or Path(scratch), gates, section, recorder_key, people)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        site.start()
        if not json:
            say("{count} gates are simulated at {host}:{port}", count=gates, host=host, port=port)
        if seconds is None:
            signal.sigwait({signal.SIGTERM, signal.SIGINT})
        else:
            signal.sigtimedwait({signal.SIGTERM, signal.SIGINT}, seconds)
        site.stop()
        if json:
            emit({"gates": names(gates)})


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
