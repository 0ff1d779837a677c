"""Which views may become templates, and what a record takes of them; photos that show the same moment."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from edge.doorevents import AccessGranted
from edge.enroll import Portrait, distinct
from edge.enrolled import Refreshing, Row, Secret, refreshed, vectors
from edge.facts import FaceSeen
from edge.matcher import Vector
from edge.presence import Company, Cues, Liveness, Motion, Verdict
from edge.refresh import certain
from edge.terms import Candidate, Evidence, Quality

DAY = 86_400.0
BOUNDS = Refreshing(every_s=30 * DAY, most=2)
ENROLLED_AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW = Row("ann", 1, "zoo", "form", "entry", date(2027, 1, 1), ENROLLED_AT)
START = ENROLLED_AT.timestamp()


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)  # type: ignore[no-any-return]


OWN = unit(1, 0, 0, 0)
SECRET = Secret("Ann", 4, OWN.tobytes())


def test_a_template_is_added_when_it_is_sure_new_and_not_too_soon() -> None:
    assert refreshed(ROW, SECRET, unit(1, 1, 0, 0), 0.6, BOUNDS, START + 29 * DAY) is None, "too soon"
    assert refreshed(ROW, SECRET, unit(1, 0.1, 0, 0), 0.6, BOUNDS, START + 31 * DAY) is None, "nothing new"
    assert refreshed(ROW, SECRET, unit(1, 2, 0, 0), 0.6, BOUNDS, START + 31 * DAY) is None, "not like the enrolled one"
    assert refreshed(ROW, SECRET, np.ones(8, np.float32), 0.6, BOUNDS, START + 31 * DAY) is None, "of another pack"
    more = refreshed(ROW, SECRET, unit(1, 1, 0, 0), 0.6, BOUNDS, START + 31 * DAY)
    assert more and len(vectors(more)) == 2 and more.refreshed == (START + 31 * DAY,)
    assert refreshed(ROW, more, unit(1, 0, 1, 0), 0.6, BOUNDS, START + 60 * DAY) is None, "one in thirty days"


def test_the_oldest_addition_goes_and_the_enrolment_stays() -> None:
    secret = SECRET
    for month, view in enumerate((unit(1, 1, 0, 0), unit(1, 0, 1, 0), unit(1, 0, 0, 1)), 1):
        found = refreshed(ROW, secret, view, 0.6, BOUNDS, START + month * 31 * DAY)
        assert found
        secret = found
    assert np.allclose(vectors(secret), [OWN, unit(1, 0, 1, 0), unit(1, 0, 0, 1)])


def test_an_addition_vouches_for_no_other() -> None:
    more = refreshed(ROW, SECRET, unit(1, 1, 0, 0), 0.6, BOUNDS, START + 31 * DAY)
    drifted = unit(0.5, 1, 0, 0)
    assert more and vectors(more)[1] @ drifted > 0.9 > 0.6 > OWN @ drifted
    assert refreshed(ROW, more, drifted, 0.6, BOUNDS, START + 62 * DAY) is None


LIVING = Liveness(Verdict.LIVE, 0.97, Motion.OWN, 0.1, 6, 1.2)
GOOD = Quality(60.0, 0.4, 2.0, 3.0, 0.5)
SEEN = FaceSeen("hall", 7, 1.0, 0.5, GOOD, Cues(), Candidate("ann", 0.8, 0.5, 0.4, 3))
EVIDENCE = Evidence("hall", 7, "", "zoo", 3, 20.0, GOOD, LIVING, 0.8, 0.5, 0.4, 3)
GRANTED = AccessGranted("ann", EVIDENCE)
UNSURE = structs.replace(EVIDENCE, liveness=structs.replace(LIVING, verdict=Verdict.UNSURE))


@pytest.mark.parametrize(
    ("seen", "granted"),
    [
        (structs.replace(SEEN, candidate=Candidate("ann", 0.69, 0.5, 0.4, 3)), GRANTED),
        (structs.replace(SEEN, candidate=Candidate("ann", 0.8, 0.3, 0.4, 3)), GRANTED),
        (structs.replace(SEEN, candidate=Candidate("bob", 0.8, 0.5, 0.4, 3)), GRANTED),
        (structs.replace(SEEN, candidate=None), GRANTED),
        (structs.replace(SEEN, company=Company(1)), GRANTED),
        (structs.replace(SEEN, quality=structs.replace(GOOD, eye_distance_px=39.0)), GRANTED),
        (structs.replace(SEEN, track=8), GRANTED),
        (SEEN, AccessGranted("ann", None)),
        (SEEN, AccessGranted("ann", UNSURE)),
    ],
    ids=["score", "margin", "person", "nobody", "company", "small", "track", "no face", "unsure"],
)  # fmt: skip
def test_a_doubt_of_any_kind_keeps_a_view_from_becoming_a_template(seen: FaceSeen, granted: AccessGranted) -> None:
    assert certain(SEEN, GRANTED, 0.7)
    assert not certain(seen, granted, 0.7)


def test_of_photos_of_one_moment_the_best_is_kept() -> None:
    dull, other, sharp = (
        Portrait(Path(name), template, reserve)
        for name, template, reserve in (("dull", OWN, 0.2), ("other", unit(1, 1, 0, 0), 0.1),
                                        ("sharp", unit(1, 0.2, 0, 0), 0.6))
    )  # fmt: skip
    kept, left_out = distinct([dull, other, sharp])
    assert kept == [other, sharp]
    assert [(each.photo, each.like) for each in left_out] == [("dull", "sharp")]
    assert left_out[0].score == pytest.approx(float(OWN @ sharp.template))
