"""Whose face it is: votes over one track, freshness, a liveness veto. Pure; times are arguments.

One track is one face in front of one camera. Each good, fresh view of it is a vote for the best match or for
nobody; another person inside a track ends the votes. A person is recognised by `votes` and, where the pack has
liveness networks, in a track that is live (`edge.liveness`). A refusal is told once per track; later views may still
earn a grant, and a track is settled only when a door was released for it. Whether a person may pass is said by
`edge.entry`.
"""

from msgspec import Struct

from edge.facts import FaceSeen
from edge.liveness import LivenessRules, Watch
from edge.presence import Cues, Liveness, Motion, Several, Verdict
from edge.terms import Candidate, Evidence, Permit, Reason

AHEAD_S = 0.05
"""How far a capture time may lie in the future: what rounding explains, not what a liar would like."""

DOUBTS = frozenset((Reason.LIVENESS_UNSURE, Reason.LIVENESS_UNAVAILABLE))
"""It is somebody, but perhaps not in person: a second factor may help."""

NAMED = DOUBTS | {Reason.PRESENTATION_ATTACK}
"""Refusals that say whose face it is, or is meant to be."""

FORGOTTEN_S = 10.0
"""A track that was not seen for so long is over."""


class AccessRules(Struct, frozen=True):
    """What the site wants; the keys of the configuration's `[access]`."""

    votes: int
    freshness_s: float
    cooldown_s: float
    refuse_after: int
    liveness: LivenessRules
    without_liveness: bool
    """Whether a pack without liveness networks may open."""
    unrecorded: bool
    """Whether a grant may go on whose record is not on the disk in time."""
    several: Several = Several.BOTH


class Decision(Struct, frozen=True):
    """A verdict about one track: it is `person`, or nobody may be recognised in it for a `reason`.

    Where liveness is the reason, `person` is who it would be.
    """

    camera: str
    track: int
    person: str
    permit: Permit | None
    reason: Reason | None
    evidence: Evidence
    since: float
    captured: float
    again: bool
    """Whether a refusal of this track was told already."""


class Track(Struct):
    """What has been seen of one face."""

    last: float
    watch: Watch
    person: str = ""
    votes: int = 0
    views: int = 0
    waiting: bool = False
    """Whether a grant is on its way to the disk."""
    settled: bool = False
    refused: bool = False


class Access:
    """The votes of every track of a gate."""

    def __init__(self, rules: AccessRules, pack: str = "") -> None:
        self.rules, self.pack, self.digest = rules, pack, ""
        self._tracks: dict[tuple[str, int], Track] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def watched(self, camera: str) -> bool:
        """Whether a face in front of this camera is still undecided."""
        return any(at == camera and not track.settled for (at, _), track in self._tracks.items())

    def fresh(self, captured: float, now: float, allowance: float = 0.0) -> bool:
        """Whether a view is young enough to open a door."""
        return -AHEAD_S <= now - captured <= self.rules.freshness_s + allowance

    def seen(self, fact: FaceSeen, usable: Reason | None, threshold: float, now: float) -> Decision | None:
        """Count one view; a Decision whenever it is somebody, sure or not, and once when it is to be refused.

        `usable` is a reason why nobody may pass at present, if there is one.
        """
        if not self.fresh(fact.captured, now):
            return None
        track = self._track(fact)
        if track.settled or track.waiting:
            return None
        if self.rules.several is Several.NEAREST and not fact.company.nearest:
            return None
        if self.rules.several is Several.REFUSE and fact.company.others:
            usable = usable or Reason.NOT_ALONE
        self._count(track, fact.candidate, fact.cues, fact.captured)
        if usable is Reason.NOT_ALONE:
            track.votes = 0  # or one frame in which the other is not found would be enough
        liveness = track.watch.found(self.rules.liveness)
        reason = self._reason(track, fact.candidate, liveness, usable)
        again = track.refused
        if reason is not None:
            doubt = reason in DOUBTS
            if (again and not doubt) or not self._ripe(track, reason, liveness):
                return None
            track.refused = again or not doubt
        return self._decision(track, fact, reason, liveness, threshold, now, again)

    def wait(self, camera: str, track: int, waiting: bool) -> None:
        """A grant of this track is being recorded: its views count for nothing until that is known."""
        if known := self._tracks.get((camera, track)):
            known.waiting = waiting

    def settle(self, camera: str, track: int) -> None:
        """The door was released for this track: more views of it can change nothing."""
        if known := self._tracks.get((camera, track)):
            known.settled = True

    def tell(self, camera: str, track: int) -> None:
        """A refusal of this track is told now."""
        if known := self._tracks.get((camera, track)):
            known.refused = True

    def ended(self, camera: str, track: int) -> None:
        """The face is gone, and with it its votes."""
        self._tracks.pop((camera, track), None)

    def forget(self, camera: str) -> None:
        """The camera is gone: no track of it goes on."""
        for key in [key for key in self._tracks if key[0] == camera]:
            del self._tracks[key]

    def restart(self) -> None:
        """The whitelist changed: matches with the old one count no longer. What a face was found to be, it still is."""
        for track in self._tracks.values():
            track.votes = 0

    def known(self, camera: str, track: int) -> bool:
        """Whether good views of this track were counted."""
        return (camera, track) in self._tracks

    def settled(self, camera: str, track: int) -> bool:
        """Whether more views of this track can change nothing."""
        known = self._tracks.get((camera, track))
        return known is not None and known.settled

    def attacked(self, camera: str) -> bool:
        """Whether a presentation attack goes on in front of this camera, whoever it shows."""
        return any(track.watch.attack for (at, _), track in self._tracks.items() if at == camera)

    def _track(self, fact: FaceSeen) -> Track:
        key = (fact.camera, fact.track)
        if key not in self._tracks:
            self._cull(fact.captured)
            self._tracks[key] = Track(fact.captured, Watch())
        self._tracks[key].last = fact.captured
        return self._tracks[key]

    def _cull(self, now: float) -> None:
        """Drop tracks whose end was never told: an eye may die, and a slow reader loses messages."""
        for key in [key for key, track in self._tracks.items() if now - track.last > FORGOTTEN_S]:
            del self._tracks[key]

    def _count(self, track: Track, candidate: Candidate | None, cues: Cues, captured: float) -> None:
        """One track is one person: votes and liveness begin again with another, and are only those of this one."""
        track.views += 1
        if candidate is None:
            if not track.votes:
                track.watch.see(cues, captured)
            return
        if candidate.person != track.person:
            track.person, track.votes, track.watch = candidate.person, 0, Watch()
        track.votes += 1
        track.watch.see(cues, captured)

    def _reason(
        self, track: Track, candidate: Candidate | None, liveness: Liveness, usable: Reason | None
    ) -> Reason | None:
        """Why this track may not pass as it stands, or None when it may; the view that opens must itself match."""
        if usable is not None:
            return usable
        if candidate is None or track.votes < self.rules.votes:
            return Reason.CREDENTIAL_NOT_FOUND
        match liveness.verdict:
            case Verdict.UNAVAILABLE:
                return None if self.rules.without_liveness else Reason.LIVENESS_UNAVAILABLE
            case Verdict.ATTACK:
                return Reason.PRESENTATION_ATTACK
            case Verdict.UNSURE:
                return Reason.LIVENESS_UNSURE
        return None

    def _ripe(self, track: Track, reason: Reason, liveness: Liveness) -> bool:
        """Whether enough was seen to say no: a refusal may come late, but not too early."""
        if reason is Reason.LIVENESS_UNAVAILABLE:
            return True
        if reason is Reason.LIVENESS_UNSURE and not self._lasting(liveness):
            return False
        return track.views >= self.rules.refuse_after

    def _lasting(self, liveness: Liveness) -> bool:
        """Whether the doubt will not soon end: what is carried is never live, but may still prove to be an attack."""
        rules = self.rules.liveness
        carried = liveness.motion is Motion.CARRIED and (liveness.appearance or 0.0) >= rules.attack_below_unmoving
        return carried or liveness.watched_s >= rules.watch_s

    def _decision(
        self,
        track: Track,
        fact: FaceSeen,
        reason: Reason | None,
        liveness: Liveness,
        threshold: float,
        now: float,
        again: bool,
    ) -> Decision:
        candidate = fact.candidate
        evidence = Evidence(
            camera=fact.camera,
            track=fact.track,
            rule=self._rule(track, liveness),
            pack=self.pack,
            votes=track.votes,
            frame_age_ms=(now - fact.captured) * 1000,
            quality=fact.quality,
            liveness=liveness,
            score=candidate.score if candidate else None,
            margin=candidate.margin if candidate else None,
            threshold=threshold,
            revision=candidate.revision if candidate else 0,
            models=self.digest,
        )
        person = track.person if reason is None or reason in NAMED else ""
        permit = fact.permit if person else None
        since, captured = fact.good_since, fact.captured
        return Decision(fact.camera, fact.track, person, permit, reason, evidence, since, captured, again)

    def _rule(self, track: Track, liveness: Liveness) -> str:
        return f"{track.votes} of {self.rules.votes} votes in {track.views} views, liveness {liveness.verdict}"
