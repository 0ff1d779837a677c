"""Slow refresh of templates on a gate that stands alone: off by default, bounded in the whitelist, and audited.

A face that was granted alone, alive, and far above the threshold may become one more template of its person. Those
from enrolment stay, and every new one must match one of them: a record cannot drift away step by step. A desk signs
what its gates match, so there only the desk changes a record. docs/decisions/0037.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from edge.doorevents import AccessGranted
from edge.effects import Effect, Emit
from edge.enrolled import Refreshing
from edge.errors import EdgeError
from edge.facts import FaceSeen, TemplateRefreshed
from edge.matcher import Vector
from edge.presence import Verdict
from edge.quality import ENROLMENT
from edge.sources import Put, Source
from edge.terms import Now
from edge.whitelist import Whitelist

log = logging.getLogger(__name__)

TOGETHER_S = 3600.0
"""Templates are written once an hour: each change has the whole list loaded again."""


class Candidate(NamedTuple):
    """The view that a grant rests on. `sure` is the score that it had to reach."""

    template: Vector
    score: float
    sure: float


class Refresher(Source):
    """Collects sure views on the gate's thread, and writes those that the bounds allow on its own."""

    def __init__(self, whitelist: Whitelist, pack: str, bounds: Refreshing, clock: Callable[[], Now], put: Put) -> None:
        super().__init__("refresh", put)
        self._whitelist, self._pack, self._bounds, self._clock = whitelist, pack, bounds, clock
        self._waiting: dict[str, Candidate] = {}
        self._lock = threading.Lock()

    def consider(self, embedding: bytes, seen: FaceSeen, effects: Sequence[Effect], sure: float) -> None:
        """Keep the view when what it led to is a grant of somebody of whom there is no doubt."""
        events = [effect.event for effect in effects if isinstance(effect, Emit)]
        if any(isinstance(event, AccessGranted) and certain(seen, event, sure) for event in events):
            assert seen.candidate
            template = np.frombuffer(embedding, dtype="<f4")
            with self._lock:
                self._waiting[seen.candidate.person] = Candidate(template, seen.candidate.score, sure)

    def listen(self) -> None:
        while not self._stopped.wait(TOGETHER_S):
            self.write()

    def write(self) -> None:
        """Offer what was collected to the whitelist, and report what it took; not while the time is not known."""
        now = self._clock()
        if not now.trusted:
            return
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        templates = {person: (each.template, each.sure) for person, each in waiting.items()}
        try:
            taken = self._whitelist.refresh(templates, self._pack, self._bounds, now.utc) if waiting else []
        except EdgeError as error:
            log.warning("no template was refreshed: %s", error)
            return
        for person in taken:
            self._put(TemplateRefreshed(person, waiting[person].score))


def certain(seen: FaceSeen, granted: AccessGranted, sure: float) -> bool:
    """Whether this view is the granted one, alive, good enough to enrol with, and nobody else comes near."""
    found, evidence = seen.candidate, granted.evidence
    if found is None or evidence is None or found.person != granted.person:
        return False
    same = (evidence.camera, evidence.track) == (seen.camera, seen.track)
    alive = evidence.liveness.verdict is Verdict.LIVE
    alone = found.score - found.margin < found.threshold and not seen.company.others
    return same and alive and alone and found.score >= sure and ENROLMENT.passes(seen.quality)
