"""`edge-gate record`: receive, keep and acknowledge the events of all gates."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.errors import EdgeError
from edge.files import there
from edge.i18n import N_

if TYPE_CHECKING:
    from edge.mqtt import Address

BrokerOption = Annotated[
    str, typer.Option("--broker", metavar="HOST:PORT", help=N_("Use this broker, without a configuration."))
]
"""Give it the default ""."""


def address_of(broker: str, config: Path, credentials: Path | None) -> "Address":
    """The broker that was named, else that of the configuration."""
    from edge.config import Credentials, load
    from edge.mqtt import Address
    from edge.session import address

    if not broker:
        return address(load(config).broker, Credentials(credentials))
    host, _, port = broker.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
    if not host or not host.isprintable() or set(host) & set(" /@") or not 1 <= number <= 65535:
        hint = "a port is a number from 1 to 65535, usually 1883"
        raise EdgeError("{broker} is not HOST:PORT", hint, broker=broker)
    return Address(host, number)


def _files(broker: str, config: Path) -> tuple[Path, Path]:
    """Database and signing key: in the state directory of the configuration, or here."""
    from edge.config import RecorderSection, load

    if broker:
        return Path(RecorderSection().database), Path(RecorderSection().signing_key)
    loaded = load(config)
    return loaded.state / loaded.recorder.database, loaded.state / loaded.recorder.signing_key


def record(
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    broker: BrokerOption = "",
    database: Annotated[Path | None, typer.Option(metavar="FILE", help=N_("Where the events are kept."))] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help=N_("The key that signs acknowledgements; made on first use."))
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help=N_("Only say what has been recorded so far."))] = False,
    json: JsonOption = False,
) -> None:
    from monitor.ledger import Ledger
    from monitor.recorder import Recorder

    kept, signs = _files(broker, config)
    kept, signs = database or kept, key or signs
    if not summary:
        recorder = Recorder(
            address_of(broker, config, credentials), kept, signs, (lambda template, **fields: None) if json else say
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: recorder.stop())
        recorder.run()
    elif not there(kept):
        raise EdgeError("{path}: nothing has been recorded there", path=kept)
    totals = Ledger(kept).totals()
    if json:
        emit(totals)
    else:
        say("{events} events of {gates} gates recorded, {problems} problems", **msgspec.structs.asdict(totals))
