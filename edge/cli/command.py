"""`edge-gate command`: what the monitoring room may ask of a gate."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.record import BrokerOption, address_of
from edge.config import Credentials, load
from edge.i18n import N_


class What(StrEnum):
    OPEN = "open"
    LOCK_DOWN = "lock-down"
    RELEASE = "release"
    BLOCK = "block"
    UNBLOCK = "unblock"
    UNLOCK = "unlock"
    LOCK = "lock"
    ACKNOWLEDGE = "acknowledge"
    FORGIVE = "forgive"
    LOCK_OPEN = "lock-open"


KINDS = N_(
    "open: once; unlock: for --seconds; lock: ends that; block, unblock: no credential opens; lock-down: nothing but"
    " the exit button, until release; acknowledge: the alarms were seen; forgive: anti-passback and refused attempts of"
    " --person begin anew; lock-open: released until release, for an emergency."
)
WhatArgument = Annotated[What, typer.Argument(metavar="COMMAND", help=KINDS)]
Gate = Annotated[str, typer.Option("--gate", metavar="NAME", help=N_("The gate; otherwise that of the configuration."))]
Site = Annotated[str, typer.Option("--site", metavar="NAME", help=N_("The site; otherwise that of the configuration."))]
Door = Annotated[str, typer.Option("--door", metavar="NAME", help=N_("One door of the gate; otherwise every one."))]
Seconds = Annotated[float | None, typer.Option("--seconds", min=1, max=86400, help=N_("For how long."))]
Person = Annotated[
    str,
    typer.Option("--person", metavar="ID", help=N_("Who is forgiven, by the id in the events; otherwise everybody.")),
]
Operator = Annotated[str, typer.Option("--operator", metavar="NAME", help=N_("As the gate's configuration names you."))]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help=N_("Your key; otherwise the credential operator.jwk."))
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.5, max=60, help=N_("Seconds to wait for the answer."))]


def command(
    what: WhatArgument,
    gate: Gate = "",
    door: Door = "",
    seconds: Seconds = None,
    person: Person = "",
    operator: Operator = "operator",
    key: Key = None,
    timeout: Timeout = 10.0,
    site: Site = "",
    broker: BrokerOption = "",
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a gate for something, signed with an operator's key, and wait until it has answered."""
    from edge import command as commanding
    from edge.seal import load_key
    from edge.terms import CommandKind

    address = address_of(broker, config, credentials)
    if not (site and gate):
        section = load(config).gate
        site, gate = site or section.site, gate or section.name
    signs = load_key(key or Credentials(credentials).path("operator.jwk"))
    wish = commanding.Wish(CommandKind(what.value.replace("-", "_")), door, seconds, person)
    answer = commanding.command(address, commanding.Target(site, gate), operator, signs, wish, timeout)
    if json:
        emit({"accepted": answer.accepted, "why": answer.why, "id": answer.id, "refused": answer.refused})
    elif answer.accepted:
        say("{gate} has accepted {what}", gate=gate, what=what.value)
        for name, why in answer.refused.items():
            say("but not for door {door}: {why}", door=name, why=why)
    else:
        say("{gate} has refused {what}: {why}", gate=gate, what=what.value, why=answer.why)
    if not answer.accepted:
        raise typer.Exit(1)
