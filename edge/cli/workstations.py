"""`edge-gate workstations`: the places that may ask the desk to enrol and change people."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.common import DESK, CredentialsOption, DeskOption, JsonOption, emit, say
from edge.cli.desk import member, opened, tell_of, tell_of_list
from edge.i18n import N_

workstations = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="NAME", help=N_("The name of the workstation."))]


@workstations.command("add")
def add(
    name: Name,
    into: Annotated[
        Path, typer.Option("--into", metavar="DIRECTORY", help=N_("Where to put what the workstation needs."))
    ],
    config: DeskOption = DESK,
    credentials: CredentialsOption = None,
    json: JsonOption = False,
) -> None:
    """Authorise a workstation: its keys, certificate and access list, with what to install where."""
    from edge import provision
    from edge.audit import Audit
    from edge.journal import Deed
    from edge.office import Gate
    from edge.signet import fingerprint

    loaded, secrets, office = opened(config, credentials)
    provision.proper(name)
    audit = Audit.of(loaded, secrets, write=True)

    def note(made: Gate) -> None:
        audit.note(Deed.WORKSTATION_ADDED, name, signing_key=fingerprint(made.signs))

    first = not provision.opening_public(secrets.directory)
    made = provision.add_workstation(office, secrets.directory, loaded.desk.site, name, into, note)
    access = provision.workstation_access(loaded.desk.site, name)
    if json:
        told = {"workstation": name, "serial": made.serial, "signing_key": fingerprint(made.signs)}
        emit({**told, "desk_key_made": first, "files": sorted(map(str, into.iterdir())), "acl": access})
        return
    say("workstation {name} is added; its files are in {into}. Carry them there by hand, then delete them here:",
        name=name, into=into)  # fmt: skip
    say("  to its /etc/edge-gate/credentials (mode 600): *.key, *.pub; to its /etc/edge-gate: workstation.crt, ca.crt")
    say("  as its configuration: config/workstation.toml, with the name {name}; give it to the commands with --config",
        name=name)  # fmt: skip
    if first:
        say("  the desk now has a key for workstations, and answers none before its unit has it, too. At the desk:")
        typer.echo("    scripts/install --desk")
    say("  in the broker's access list:")
    typer.echo(access)


@workstations.command("list")
def list_(config: DeskOption = DESK, credentials: CredentialsOption = None, json: JsonOption = False) -> None:
    """Show every workstation that was added."""
    from edge.signet import fingerprint

    _loaded, _secrets, office = opened(config, credentials)
    found = office.workstations()
    if json:
        emit({"workstations": [{**member(each), "signing_key": fingerprint(each.signs)} for each in found]})
    else:
        tell_of(found)


@workstations.command("revoke")
def revoke(
    name: Name, config: DeskOption = DESK, credentials: CredentialsOption = None, json: JsonOption = False
) -> None:
    """Shut out a workstation: the desk does nothing more for it, and its certificate is on the revocation list."""
    from edge import provision
    from edge.audit import Audit
    from edge.journal import Deed

    loaded, secrets, office = opened(config, credentials)
    audit = Audit.of(loaded, secrets, write=True)

    def note() -> None:
        audit.note(Deed.WORKSTATION_REVOKED, name)

    crl = provision.shut_out(office, secrets.directory, name, note, "workstations")
    if json:
        emit({"workstation": name, "crl": str(crl)})
        return
    say("{name} is shut out: the desk does nothing more for it", name=name)
    tell_of_list(crl)
