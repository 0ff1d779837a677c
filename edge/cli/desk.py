"""`edge-gate desk`, `gates` and `sync`: one whitelist for a site, and how far every gate is with it."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from edge.cli.backup import backup, recover, restore
from edge.cli.common import DESK, CredentialsOption, DeskOption, JsonOption, emit, say
from edge.errors import EdgeError
from edge.i18n import N_, _

if TYPE_CHECKING:
    from edge.config import Credentials, DeskConfig
    from edge.office import Gate, Office

desk = typer.Typer()
gates = typer.Typer()
sync = typer.Typer()

GateName = Annotated[str, typer.Argument(metavar="GATE", help=N_("The name of the gate, as its configuration says."))]
SILENT_S = 60.0
"""A gate that has not reported for so long counts as out of reach."""


def opened(config: Path, credentials: Path | None) -> "tuple[DeskConfig, Credentials, Office]":
    from edge.authority import OFFICE
    from edge.config import Credentials, load_desk
    from edge.office import Office
    from edge.seal import Seal
    from edge.whitelist import KEY

    loaded, secrets = load_desk(config), Credentials(credentials)
    return loaded, secrets, Office(loaded.state / OFFICE, Seal.load(secrets.path(KEY)))


for command in (backup, restore, recover):
    desk.command()(command)


@desk.command("run")
def run(config: DeskOption = DESK, credentials: CredentialsOption = None) -> None:
    """Number, sign and publish the whitelist of a site, and keep the broker true to it. Runs until it is stopped."""
    from edge.cli.run import start_log
    from edge.config import Credentials, load_desk
    from edge.desk import Desk

    start_log("desk")
    running = Desk(load_desk(config), Credentials(credentials))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    running.run()


@gates.command("add")
def add(
    gate: GateName,
    into: Annotated[Path, typer.Option("--into", metavar="DIRECTORY", help=N_("Where to put what the gate needs."))],
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Provision a gate: keys, certificate, access list and least revision, with what to install where."""
    from edge import provision
    from edge.audit import Audit
    from edge.journal import Deed

    loaded, secrets, office = opened(config, credentials)
    provision.proper(gate)
    audit = Audit.of(loaded, secrets, write=True)
    site, note = loaded.desk.site, lambda _: audit.note(Deed.GATE_ADDED, gate)
    added = provision.add(office, secrets.directory, site, gate, into, note)
    access = provision.access(loaded.desk.site, gate)
    if json:
        emit({"gate": gate, "serial": added.serial, "files": sorted(map(str, into.iterdir())), "acl": access})
        return
    say(
        "gate {gate} is added; its files are in {into}. Carry them there by hand, then delete them here:",
        gate=gate,
        into=into,
    )
    say("  to the gate's /etc/edge-gate/credentials (mode 600): *.key, desk.pub")
    say("  to the gate's /etc/edge-gate: gate.crt, ca.crt; to its state directory: whitelist.mark")
    say('  in its configuration: [whitelist] source = "desk"; [broker] certificate_file, key_credential = "broker.key"')
    say("  where the gate's host can, encrypt each *.key there, and delete it:")
    say("    systemd-creds encrypt --name=NAME NAME /etc/edge-gate/credentials/NAME.cred; then scripts/install")
    say("  in the broker's access list:")
    typer.echo(access)


@gates.command("list")
def list_(config: DeskOption = DESK, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Show every gate that was added."""
    _loaded, _secrets, office = opened(config, credentials)
    found = office.gates()
    if json:
        emit({"gates": [member(gate) for gate in found]})
    else:
        tell_of(found)


def member(each: "Gate") -> dict[str, object]:
    """A gate or a workstation, for a program."""
    return {"name": each.name, "serial": each.serial, "added_at": each.added_at, "revoked_at": each.revoked_at}


def tell_of(members: "list[Gate]") -> None:
    """Gates or workstations, for a person."""
    for each in members:
        say("{name} {standing}", name=each.name, standing=_(N_("revoked")) if each.revoked_at else _(N_("in service")))


@gates.command("revoke")
def revoke(
    gate: GateName, config: DeskOption = DESK, credentials: CredentialsOption = None, json: JsonOption = False
) -> None:
    """Shut out a gate that was stolen: no more keys, everybody sealed anew, its certificate on the revocation list."""
    from edge import provision
    from edge.audit import Audit
    from edge.journal import Deed

    loaded, secrets, office = opened(config, credentials)
    audit = Audit.of(loaded, secrets, write=True)
    crl = provision.shut_out(office, secrets.directory, gate, lambda: audit.note(Deed.GATE_REVOKED, gate))
    if json:
        emit({"gate": gate, "crl": str(crl)})
    else:
        say("{gate} is shut out: it gets no more keys, and everybody is sealed anew", gate=gate)
        tell_of_list(crl)


def tell_of_list(crl: Path) -> None:
    """A certificate is good for its broker until that has the list of those that are not."""
    say("until the broker has the new revocation list, whoever has that certificate may connect to it and publish:")
    say("  copy {crl} to the broker's machine as its crlfile (mosquitto.conf: crlfile /etc/mosquitto/{name})", crl=crl,
        name=crl.name)  # fmt: skip
    say("  and restart the broker, which also ends the connections that are open: systemctl restart mosquitto")


# Synchronisation ----------------------------------------------------------------------------------------------------


@sync.command("status")
def status(config: DeskOption = DESK, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Show every gate with the revision it runs, how far it is behind, and when it was heard last."""
    _loaded, _secrets, office = opened(config, credentials)
    revision, contacts, now = office.head()[0], office.contacts(), time.time()
    lines = []
    for gate in office.gates():
        if gate.revoked_at:
            continue
        contact = contacts.get(gate.name)
        silent_s = round(now - contact.at, 1) if contact else None
        lines.append(
            {
                "gate": gate.name,
                "revision": contact.revision if contact else None,
                "behind": revision - contact.revision if contact else None,
                "last_contact_s": silent_s,
                "reachable": silent_s is not None and silent_s < SILENT_S,
                "people": contact.people if contact else None,
                "problems": contact.problems if contact else {},
                "desk_keys": contact.trusts if contact else [],
            }
        )
    if json:
        emit({"revision": revision, "gates": lines})
        return
    say("the desk is at revision {revision}", revision=revision)
    table = Table(_("gate"), _("revision"), _("behind"), _("seconds since contact"), _("problems"), box=None)
    for line in lines:
        cells = (line["gate"], line["revision"], line["behind"], line["last_contact_s"], len(line["problems"]))  # type: ignore[arg-type]
        table.add_row(*("-" if cell is None else str(cell) for cell in cells))
    Console(soft_wrap=True).print(table)


@sync.command("verify")
def verify(
    store: Annotated[
        Path, typer.Option("--store", metavar="FILE", help=N_("A gate's list.sqlite, or captured messages."))
    ],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help=N_("The desk's public key; otherwise a credential."))
    ] = None,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Check a store or a capture as a gate would: what is signed, what is missing, what was changed.

    The exit status is 1 when something is wrong; with --json it is 0, and the line says what is.
    """
    from edge import checkup
    from edge.config import Credentials
    from edge.signet import DESK_PUBLIC, Checker

    beside = [store.parent / DESK_PUBLIC, store.parent.parent / "credentials" / DESK_PUBLIC]
    public = checkup.trusted([key] if key else [Credentials(credentials).path(DESK_PUBLIC), *beside])
    if public is None and key:
        raise EdgeError("{path} is no public key of a desk", "it is desk.pub, of 32 bytes, at the desk", path=key)
    if public is None:
        raise EdgeError("there is no public key of the desk", "name it with --key")
    found = checkup.examine(store, Checker([public]))
    problems = [{"id": name, "problem": why} for name, why in sorted(found.problems.items())]
    if json:
        emit({"revision": found.revision, "people": found.people, "valid": not problems, "problems": problems})
    else:
        text = "revision {revision} with {people} people, {count} problem(s)"
        say(text, revision=found.revision, people=found.people, count=len(problems))
        for problem in problems:
            say("{id}: {why}", id=problem["id"], why=problem["problem"])
    if problems and not json:
        raise typer.Exit(1)


@sync.command("capture")
def capture(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help=N_("Where the messages are written, as JSON lines."))
    ],
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help=N_("How long to listen."))] = 10.0,
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Record what the broker shows of the whitelist, for `sync verify`."""
    from edge.checkup import captured
    from edge.config import Credentials, load_desk
    from edge.mqtt import Connection
    from edge.records import PAGES, Topics
    from edge.session import address

    loaded = load_desk(config)
    topics = Topics(loaded.desk.site)
    try:
        file = out.open("xb")
    except OSError as error:
        hint = "name a file that is not there yet, in a directory that is"
        raise EdgeError("{path} cannot be written: {why}", hint, path=out, why=error.strerror) from error
    connection = Connection(address(loaded.broker, Credentials(credentials)), [topics.manifest, topics.index])
    pages, count, until = iter(range(PAGES)), 0, time.monotonic() + seconds
    with file:
        while time.monotonic() < until:
            connection.subscribe([topics.folk(page) for page in [next(pages, None)] if page is not None])
            for message in connection.turn(0.05):
                file.write(captured(message.topic, message.payload))
                count += 1
    connection.close()
    if json:
        emit({"messages": count})
    else:
        say("{count} messages in {path}", count=count, path=out)


# The revocation contract --------------------------------------------------------------------------------------------


def confirmed(config: "DeskConfig", credentials: "Credentials", person: str, revision: int, wait_s: float) -> Any:
    """Wait until every gate has confirmed that a person does not pass; who has, with the delay, and who has not."""
    from edge.authority import OFFICE
    from edge.office import Office
    from edge.seal import Seal
    from edge.whitelist import KEY

    office = Office(config.state / OFFICE, Seal.load(credentials.path(KEY)))
    names = [gate.name for gate in office.gates() if not gate.revoked_at]
    until = time.monotonic() + wait_s
    while True:
        receipts = {receipt.gate: round(receipt.delay_ms, 1) for receipt in office.receipts(person, revision)}
        pending = [name for name in names if name not in receipts]
        if not pending or time.monotonic() > until:
            return {"confirmed_ms": receipts, "pending": pending}
        time.sleep(0.02)
