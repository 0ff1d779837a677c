"""`edge-gate calibrate`: what the enrolled people say of thresholds, and whose table a gate goes by."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.cli.common import CONFIG, ConfigOption, CredentialsOption, JsonOption, emit, say
from edge.cli.progress import progress
from edge.clock import Calendar
from edge.config import Config, Credentials, load
from edge.errors import EdgeError
from edge.i18n import N_, _

if TYPE_CHECKING:
    from edge.matcher import Calibration, Gallery
    from edge.packs import Manifest
    from edge.population import Pairs, Report
    from edge.sitetable import SiteTable

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIRECTORY", help=N_("Write the report and its pictures here."))
]
ApplyOption = Annotated[
    bool, typer.Option("--apply", help=N_("Put the table of these people into use instead of the pack's."))
]
WithdrawOption = Annotated[bool, typer.Option("--withdraw", help=N_("Go back to the pack's table."))]


def calibrate(
    config: ConfigOption = CONFIG,
    credentials: CredentialsOption = None,
    out: OutOption = None,
    apply: ApplyOption = False,
    withdraw: WithdrawOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how alike the enrolled people are: the threshold, what it is worth, and who is hard to tell apart."""
    from edge import models, population, sitetable

    if apply and withdraw:
        raise EdgeError("--apply and --withdraw contradict each other")
    gate = load(config)
    manifest = models.manifest(gate.models.pack)
    if withdraw:
        sitetable.withdraw(gate.state)
    with progress(quiet=json) as bar:
        bar.add_task(_("comparing everybody with everybody"), total=None)
        gallery = _gallery(gate, Credentials(credentials), manifest)
        if len(gallery.people) < 2:
            hint = "enrol somebody: edge-gate enroll"
            raise EdgeError("{count} people are enrolled; two are needed at least", hint, count=len(gallery.people))
        if apply:
            report, pairs = _apply(gate, gallery, manifest)
        else:
            table, kind = sitetable.in_use(gate.state, manifest.id, manifest.calibration)
            report, pairs = population.report(gallery, table, kind, manifest.id, gate.access.fpir)
    if out:
        _write(out, report, pairs)
    if json:
        emit(report)
    else:
        _tell(report, out)


def _gallery(gate: Config, credentials: Credentials, manifest: "Manifest") -> "Gallery":
    """Everybody whom this gate searches for, enrolled here or at its desk."""
    from edge import kept
    from edge.whitelist import Whitelist

    today = Calendar.of(gate).peek()
    if gate.whitelist.source == "desk":
        return kept.gallery(gate, credentials, manifest, today)
    return Whitelist.of(gate, credentials).gallery(manifest.id, today).gallery


def _apply(gate: Config, gallery: "Gallery", manifest: "Manifest") -> tuple["Report", "Pairs"]:
    """Put the table of these people into use; what it makes of them, and the threshold that it takes the place of."""
    from edge import population, sitetable

    fpir = gate.access.fpir
    used, _name = sitetable.in_use(gate.state, manifest.id, manifest.calibration)
    before = gallery.strangers(used, fpir).threshold(fpir)
    report, pairs = population.report(gallery, manifest.calibration, "pack", manifest.id, fpir)
    made = _table(gate, report, pairs, manifest.calibration)
    sitetable.write(gate.state, made)
    report, pairs = population.report(gallery, made.calibration, made.name, manifest.id, fpir)
    return msgspec.structs.replace(report, threshold_before=before), pairs


def _table(gate: Config, report: "Report", pairs: "Pairs", of_pack: "Calibration") -> "SiteTable":
    from edge import population
    from edge.sitetable import SiteTable

    least = population.least_people(of_pack)
    if report.people < least:
        text = "{count} people are enrolled; a table of their own needs {least}"
        raise EdgeError(text, "the table in use stays as it is", count=report.people, least=least)
    own = population.own_table(pairs, of_pack, f"enrolled at {gate.gate.site}/{gate.gate.name}", pairs.people)
    return SiteTable(report.pack, datetime.now(UTC), report.revision, report.people, own)


def _write(out: Path, report: "Report", pairs: "Pairs") -> None:
    from edge import plots, rates

    plots.distributions(out / "calibrate-scores.png", pairs.impostor, pairs.genuine, report.threshold)
    if len(pairs.genuine):
        curve = rates.trade_off(pairs.genuine, pairs.impostor)
        across, down = plots.Axis("FMR", len(pairs.impostor)), plots.Axis("FNMR", len(pairs.genuine))
        plots.det(out / "calibrate-det.png", curve, across, down, (report.fmr, report.fmr_interval))
    (out / "calibrate.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))


def _tell(report: "Report", out: Path | None) -> None:
    say("{people} people with {templates} templates, whitelist revision {revision}, table: {calibration}",
        **msgspec.structs.asdict(report))  # fmt: skip
    low, high = report.threshold_interval
    say("threshold {threshold:.3f} ({low:.3f} to {high:.3f}) for a false-positive identification rate of {fpir:.2%}",
        threshold=report.threshold, low=low, high=high, fpir=report.fpir_wanted)  # fmt: skip
    if report.threshold_before is not None:
        _tell_move(report.threshold_before, report.threshold)
    low, high = report.effective_fpir_interval
    say("what results: {rate:.2%} ({low:.2%} to {high:.2%})", rate=report.effective_fpir, low=low, high=high)
    if report.fnmr is not None and report.fnmr_interval:
        low, high = report.fnmr_interval
        say("pairs of one person's templates below it: {rate:.2%} ({low:.2%} to {high:.2%})",
            rate=report.fnmr, low=low, high=high)  # fmt: skip
    for pair in report.alike:
        say("hard to tell apart: {one} and {other}, score {score:.3f}; enrol both again with better photos",
            one=pair.people[0], other=pair.people[1], score=pair.score)  # fmt: skip
    for person in report.unlike_themselves:
        say("{person} has templates that are unlike each other; enrol the person again", person=person)
    if out:
        say("see {picture}", picture=out)


def _tell_move(before: float, after: float) -> None:
    """Which way the threshold went: nobody is to loosen it without noticing."""
    if after < before:
        say("the threshold goes down from {before:.3f} to {after:.3f}: it is looser, and strangers pass more easily; "
            "back with edge-gate calibrate --withdraw", before=before, after=after)  # fmt: skip
    elif after > before:
        say("the threshold goes up from {before:.3f} to {after:.3f}: it is stricter, and enrolled people are refused "
            "more often", before=before, after=after)  # fmt: skip
    else:
        say("the threshold stays at {after:.3f}", after=after)
