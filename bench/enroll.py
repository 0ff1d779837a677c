"""How fast photos become records, and how fast a face is looked for among ten thousand people.

The product's own enrolment, into a list of its own that is thrown away: decoding, faces, quality, embedding,
comparison with everybody, and a durable, sealed record a person.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from msgspec import Struct

from edge import models as packs
from edge.applications import Refusal, of_folder
from edge.doubles import Doubles
from edge.enroll import Registrar
from edge.enrolled import Bounds, Consent
from edge.faces import Vision
from edge.intake import Intake, Tally
from edge.packs import Pack
from edge.seal import Seal, new_sealing_key
from edge.town import CONSENT, synthetic
from edge.whitelist import KEY, Whitelist

LISTED, PROBES = 10_000, 100
FPIR = 0.01
"""As a desk has it unless it is configured."""

Progress = Callable[[str, int, int], None]


class Nowhere:
    """Refusals are counted, not written down."""

    def keep(self, where: str, number: str) -> None: ...

    def stands(self, where: str, number: str, judged: str) -> str:
        return ""

    def note(self, refusal: Refusal, judged: str) -> None: ...


class Result(Struct):
    """`photos` are `templates`, those `left_out` that add nothing, and what was `refused`, by reason.

    People of whom nothing was taken are `turned_away`, by reason.
    """

    pack: str
    photos: int
    people: int
    enrolled: int
    templates: int
    left_out: int
    refused: dict[str, int]
    turned_away: dict[str, int]
    seconds: float
    photos_per_s: float
    duplicate_check_ms: dict[str, float]
    """`p50` and `p99` as they passed, `cpu` the median of what they cost."""
    duplicate_check_people: int


def measure(images: Path, pack: str, models: Path, progress: Progress) -> Result:
    """Enrol everybody in a folder; then look for faces among `LISTED` people with three templates each."""
    loaded = packs.load(pack, models)
    with TemporaryDirectory(prefix="edge-gate-bench-") as directory:
        root = Path(directory)
        new_sealing_key(root / KEY)
        seal = Seal.load(root / KEY)
        tally, seconds = _enrolled(images, loaded, Whitelist(root / "enrolled.sqlite", seal, write=True), progress)
        checks = _checked(loaded, Whitelist(root / "large.sqlite", seal, write=True), progress)
    return Result(
        pack=loaded.manifest.id,
        photos=tally.photos,
        people=tally.people,
        enrolled=tally.enrolled,
        templates=tally.templates,
        left_out=tally.left_out,
        refused=dict(tally.refused),
        turned_away=dict(tally.turned_away),
        seconds=round(seconds, 2),
        photos_per_s=round(tally.photos / seconds, 2),
        duplicate_check_ms=checks,
        duplicate_check_people=LISTED,
    )


def _enrolled(images: Path, pack: Pack, whitelist: Whitelist, progress: Progress) -> tuple[Tally, float]:
    grounds = Consent("measurement", "measurement", date.today() + timedelta(days=1))
    applications = of_folder(images, grounds, Bounds())
    with Registrar.of(Vision(pack), whitelist, FPIR) as registrar:
        begun = time.monotonic()
        tally = Intake(registrar, Nowhere()).run(applications, lambda *done: progress("enrol", *done))
    return tally, time.monotonic() - begun


def _checked(pack: Pack, whitelist: Whitelist, progress: Progress) -> dict[str, float]:
    """Milliseconds of a check of one to eight templates at once, all of strangers."""
    rng, dimension = np.random.default_rng(1), pack.manifest.dimension
    progress("check", 0, PROBES)
    everybody = ((f"person {number}", synthetic(rng, dimension)) for number in range(LISTED))
    whitelist.enroll_all(everybody, CONSENT, pack.manifest.id)
    doubles, times = Doubles(whitelist, pack.manifest, FPIR), []
    for number in range(PROBES):
        probes = np.concatenate([synthetic(rng, dimension) for _ in range(3)])[: 1 + number % 8]
        begun, spent = time.perf_counter(), time.process_time()
        doubles.follow()
        doubles.find(probes)
        times.append((time.perf_counter() - begun, time.process_time() - spent))
        progress("check", number, PROBES)
    passed, cost = np.array(times[1:]).T * 1000  # the first reads the list and measures how alike its people are
    quantiles = {f"p{q}": round(float(np.percentile(passed, q)), 2) for q in (50, 99)}
    return {**quantiles, "cpu": round(float(np.median(cost)), 2)}
