"""`edge-gate record`: receive, keep and acknowledge the events of all gates."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_


def record(
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    broker: Annotated[
        str, typer.Option(metavar="HOST:PORT", help=N_("Record from this broker, without a configuration."))
    ] = "",
    database: Annotated[Path | None, typer.Option(metavar="FILE", help=N_("Where the events are kept."))] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help=N_("The key that signs acknowledgements; made on first use."))
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help=N_("Only say what has been recorded so far."))] = False,
    json: JsonOption = False,
) -> None:
    from edge.broker import address
    from edge.config import Config, Credentials, RecorderSection, load
    from edge.mqtt import Address
    from monitor.ledger import Ledger
    from monitor.recorder import Recorder

    def plain() -> tuple[Address, Path, Path]:
        host, colon, port = broker.rpartition(":")
        if not (host and colon and port.isdigit()):
            raise EdgeError("{broker} is not HOST:PORT", broker=broker)
        section = RecorderSection()
        return Address(host, int(port)), Path(section.database), Path(section.signing_key)

    def configured(loaded: Config) -> tuple[Address, Path, Path]:
        where = address(loaded.broker, Credentials(credentials))
        return where, loaded.state / loaded.recorder.database, loaded.state / loaded.recorder.signing_key

    where, kept, signs = plain() if broker else configured(load(config))
    kept, signs = database or kept, key or signs
    if not summary:
        recorder = Recorder(where, kept, signs, lambda line: None if json else typer.echo(line))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: recorder.stop())
        recorder.run()
    totals = Ledger(kept).totals()
    if json:
        emit(totals)
    else:
        say("{events} events of {gates} gates recorded, {problems} problems", **_fields(totals))


def _fields(totals: object) -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(totals)  # type: ignore[arg-type]
