"""`edge-gate monitor`: the monitoring room, and whether what it has recorded is whole."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli.accounts import CONFIG, PasswordOption, RoomOption, read_password, user
from edge.cli.common import JsonOption, emit, say
from edge.errors import EdgeError, Phrase
from edge.i18n import N_, language

if TYPE_CHECKING:
    from monitor import chain, gaps
    from monitor.acceptance import Findings
    from monitor.stream import Problem

monitor = typer.Typer(invoke_without_command=True)
monitor.add_typer(user, name="user", help=N_("Who may use the page."))


@monitor.callback()
def serve(
    ctx: typer.Context,
    config: RoomOption = CONFIG,
    database: Annotated[
        str, typer.Option("--database", metavar="URL", help=N_("Use this one: postgresql://... or a file."))
    ] = "",
    json: JsonOption = False,
) -> None:
    """Record the events of all gates and serve the page of the monitoring room."""
    if ctx.invoked_subcommand:
        return
    from monitor.room import Room
    from monitor.server import serve as run
    from monitor.settings import load

    configured = load(config)
    where: Path | str | None = (database if "://" in database else Path(database)) if database else None
    room = Room(configured, (lambda template, **fields: None) if json else say, where)
    web = configured.settings.web
    scheme = "https" if web.certificate_file else "http"
    if json:
        emit({"url": f"{scheme}://{web.address}:{web.port}/"})
    else:
        say("the page is at {url}", url=f"{scheme}://{web.address}:{web.port}/")
    run(room)


@monitor.command("verify")
def verify(config: RoomOption = CONFIG, json: JsonOption = False) -> None:
    """Check the chains of all gates' events, and that of what was done with alarms; name what does not follow.

    The exit status is 1 when something is wrong; with --json it is 0, and the line says what is.
    """
    from edge.seal import load_key
    from monitor.acceptance import Acceptances
    from monitor.chain import Chain
    from monitor.database import Database
    from monitor.settings import load

    configured = load(config)
    key = load_key(configured.path(configured.settings.store.signing_key).with_suffix(".pub"))
    with Database(configured.database) as database:
        steps = Chain(database, key).verify()
        events = Acceptances(database, key).audit()
    if json:
        emit(_verified(steps, events))
    else:
        _say_steps(steps)
        _say_events(events)
    if (steps.broken or events.open) and not json:
        raise typer.Exit(1)


def _verified(steps: "chain.Verdict", events: "Findings") -> dict[str, object]:
    broken = steps.broken
    breaks = [{**gap.place._asdict(), "missing": gap.missing, "changed": gap.changed} for gap in events.gaps]
    return {
        "steps": steps.steps,
        "valid": broken is None and not events.open,
        "cut": steps.cut,
        "first_break": {"step": broken.position, "problem": str(broken.why)} if broken else None,
        "events": events.events,
        "first_event_break": breaks[0] if breaks else None,
        "event_breaks": breaks,
        "problems": events.problems,
        "accepted": [
            {**each.gap.place._asdict(), "kind": getattr(each.gap, "kind", None)}
            | {"at": each.at, "who": each.who, "why": each.why}
            for each in events.accepted
        ],
    }


def _say_steps(steps: "chain.Verdict") -> None:
    if cut := steps.cut:
        text = "steps up to {through} were cut off on {day}: their time was over"
        say(text, through=cut.through, day=_day(cut.at))
    say("{count} steps are in order", count=steps.steps)
    if broken := steps.broken:
        say("the first break is at step {position}: {why}", position=broken.position, why=broken.why)


def _say_events(events: "Findings") -> None:
    say("{count} events are in order", count=events.events)
    for each in events.accepted:
        text = "the gap at {place} was accepted on {day} by {who}: {why}"
        say(text, place=each.gap.place, day=_day(each.at), who=each.who or "-", why=each.why or "-")
    for found in events.open:
        _say_found(found)
        say("  known why? edge-gate monitor accept {place}", place=found.place)


def _say_found(found: "gaps.Gap | Problem") -> None:
    from monitor.gaps import Gap
    from monitor.retold import retelling
    from monitor.words import detailed, word

    if isinstance(found, Gap):
        _say_gap(found)
        return
    what, detail = Phrase(word(f"room.{found.kind}")), detailed("", found.detail, retelling(language()))
    say("{place}: when events arrived: {what}: {detail}", place=found.place, what=what, detail=detail)


def _say_gap(gap: "gaps.Gap") -> None:
    site, gate, epoch, first = gap.place
    where = {"site": site, "gate": gate, "epoch": epoch}
    if gap.missing == 1:
        say("event {sequence} of {site}/{gate} ({epoch}) is missing", sequence=first, **where)
    elif gap.missing:
        text = "events {first}-{last} of {site}/{gate} ({epoch}) are missing: {count}"
        say(text, first=first, last=gap.first - 1, count=gap.missing, **where)
    if gap.changed:
        say("event {sequence} of {site}/{gate} ({epoch}) was changed", sequence=gap.sequence, **where)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@monitor.command("accept")
def accept(
    place: Annotated[str, typer.Argument(metavar="PLACE", help=N_("SITE/GATE/EPOCH/NUMBER, as verify names it."))],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help=N_("The account of a supervisor, who accepts it."))],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help=N_("Why: how it came about."))],
    password_stdin: PasswordOption = False,
    config: RoomOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Accept that events are missing or were changed: verify lists it from then on, and passes. Only this gap."""
    from edge.seal import load_key
    from monitor.acceptance import Acceptances
    from monitor.accounts import Accounts, Role
    from monitor.database import Database
    from monitor.settings import load

    configured, password = load(config), read_password(password_stdin)
    with Database(configured.database) as database:
        accounts = Accounts(database)
        if not accounts.verify(by, password, "").may(Role.SUPERVISOR):
            raise EdgeError("only a supervisor may accept a gap")
        acceptances = Acceptances(database, load_key(configured.path(configured.settings.store.signing_key)))
        acceptances.accept(acceptances.gap(place), by, because)
        accounts.note(by, "gap accepted", f"{place}: {because}")
    if json:
        emit({"accepted": place})
    else:
        say("the gap at {place} is accepted", place=place)


@monitor.command("test")
def try_level(
    level: Annotated[str, typer.Argument(metavar="LEVEL", help=N_("A level of the configuration."))],
    config: RoomOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Tell a level by all its ways that this is a test, and say what became of it."""
    from monitor.database import Database
    from monitor.dispatcher import tester
    from monitor.settings import load

    configured = load(config)
    with Database(configured.database) as database:
        outcomes = tester(configured, database).test(level)
    if json:
        emit({"level": level, "ways": [{"way": way, "ok": not why, "why": why} for way, why in outcomes.items()]})
    for way, why in outcomes.items() if not json else ():
        if why:
            say("{way}: not delivered: {why}", way=way, why=why)
        else:
            say("{way}: delivered", way=way)
    if any(outcomes.values()):
        raise typer.Exit(1)
