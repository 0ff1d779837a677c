"""`edge-gate watch`: what the monitoring room sees, live."""

import sys
from typing import TYPE_CHECKING

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit
from edge.cli.record import BrokerOption, address_of

if TYPE_CHECKING:
    from edge.transport import Envelope


def watch(
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    broker: BrokerOption = "",
    json: JsonOption = False,
) -> None:
    """Show what the monitoring room sees, live; with --json one line an event, for ever."""
    from monitor.watch import Board, listen, live

    told = ""

    def lines(board: Board, new: list["Envelope"]) -> None:
        nonlocal told
        if board.link and board.link != told:
            print(board.link, file=sys.stderr)
        told = board.link
        for event in new:
            emit(event)

    address = address_of(broker, config, credentials)
    if json:
        listen(address, lines)
    else:
        live(address)
