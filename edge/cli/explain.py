"""`edge-gate explain`: why somebody was let in or refused."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.cli.common import CONFIG, ConfigOption, JsonOption, emit, say
from edge.config import load
from edge.errors import EdgeError, Phrase
from edge.files import there
from edge.i18n import N_
from edge.terms import Evidence
from edge.transport import Envelope

if TYPE_CHECKING:
    from edge.explain import Explanation

EventArgument = Annotated[str, typer.Argument(metavar="EVENT_ID", help=N_("The id of the event, as it was sent."))]
DatabaseOption = Annotated[
    Path | None, typer.Option("--database", metavar="FILE", help=N_("Look in the recorder's database instead."))
]
VERDICTS = {"granted": N_("granted"), "denied": N_("refused")}


def explain(
    event: EventArgument, config: ConfigOption = CONFIG, database: DatabaseOption = None, json: JsonOption = False
) -> None:
    """Say why somebody was let in or refused: models, thresholds, quality, liveness, scores, votes and the rule."""
    from edge import explain as shell

    found = shell.explain(_recorded(database, event) if database else _kept(config, event))
    if json:
        emit(found)
    else:
        _tell(found)


def _kept(config: Path, event: str) -> Envelope:
    """From the gate's own log, else from the recorder's database beside it."""
    from edge import explain as shell

    gate = load(config)
    if found := shell.in_log(gate.state / "outbox.sqlite", event):
        return found
    database = gate.state / gate.recorder.database
    if database.exists():
        return _recorded(database, event)
    hint = "a gate forgets what the recorder has: name its database with --database"
    raise EdgeError("{id} is not in the event log of this gate", hint, id=event)


def _recorded(database: Path, event: str) -> Envelope:
    from monitor.ledger import Ledger

    if not there(database):
        raise EdgeError("{path}: nothing has been recorded there", path=database)
    ledger = Ledger(database)
    try:
        payload = ledger.find(event)
    finally:
        ledger.close()
    if payload is None:
        raise EdgeError("{id} is not in {path}", "compare the id with the event", id=event, path=database)
    return msgspec.json.decode(payload, type=Envelope)


def _tell(found: "Explanation") -> None:
    say("{verdict} at {subject}, {time}", verdict=Phrase(VERDICTS[found.decision]), subject=found.subject,
        time=found.time)  # fmt: skip
    if found.person:
        say("person: {person}", person=found.person)
    if found.reason:
        say("reason: {reason} {detail}", reason=found.reason, detail=found.detail)
    say("shown: {factors} {credential}", factors=", ".join(found.factors), credential=found.credential)
    if found.evidence:
        _tell_evidence(found.evidence)
    else:
        say("no face was looked at")
    if found.models_digest and not found.models:
        say("models: digest {digest}; this machine has others, the gate's event GateStarted of that time lists them",
            digest=found.models_digest)  # fmt: skip
    for file, digest in found.models.items():
        say("model {file}: sha256 {digest}", file=file, digest=digest)


def _tell_evidence(seen: Evidence) -> None:
    say("rule: {rule}", rule=seen.rule)
    say("camera {camera}, track {track}, the frame was {age:.0f} ms old", camera=seen.camera, track=seen.track,
        age=seen.frame_age_ms)  # fmt: skip
    if seen.score is None or seen.margin is None:
        say("nobody reached the threshold {threshold:.3f}", threshold=seen.threshold)
    else:
        say("score {score:.3f}, threshold {threshold:.3f}, {margin:.3f} ahead of the next person, whitelist revision "
            "{revision}", score=seen.score, threshold=seen.threshold, margin=seen.margin,
            revision=seen.revision)  # fmt: skip
    quality = seen.quality
    say("quality: eyes {eyes:.0f} px apart, sharpness {sharpness:.2f}, yaw {yaw:.0f}, pitch {pitch:.0f}, brightness "
        "{brightness:.2f}", eyes=quality.eye_distance_px, sharpness=quality.sharpness, yaw=quality.yaw,
        pitch=quality.pitch, brightness=quality.brightness)  # fmt: skip
    living = seen.liveness
    say("liveness: {verdict} after {views} views in {seconds:.1f} s; appearance {appearance}, motion {motion}, border "
        "{border}", verdict=living.verdict, views=living.views, seconds=living.watched_s,
        appearance=_number(living.appearance), motion=living.motion, border=_number(living.border))  # fmt: skip
    if living.pattern is not None:
        say(
            "pattern: a wave that stood still on the face, {pattern:.0f} times as strong as others",
            pattern=living.pattern,
        )
    if living.infrared is not None:
        say("infrared: the face showed in {share:.0%} of the views", share=living.infrared)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
