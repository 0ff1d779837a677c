"""The table that a site has put into use, and the pack's, under which it never goes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from edge import sitetable
from edge.matcher import Calibration, Strangers

PACK = Calibration("the pack's people", 10**9, (0.3, 0.4, 0.5), (1e-2, 1e-4, 1e-6), 1e-6)
SITE = structs.replace(PACK, population="enrolled", scores=(0.2, 0.3, 0.4), floor=PACK.scores)


def keep(state: Path, table: Calibration) -> None:
    sitetable.write(state, sitetable.SiteTable("zoo-1", datetime(2026, 11, 28, tzinfo=UTC), 3, 100, table))


@pytest.mark.parametrize("fpir", [0.01, 0.001])
@pytest.mark.parametrize("rates", [PACK.fmr, (1e-1, 1e-3, 1e-5, 1e-7)])
def test_a_sites_table_stays_above_the_floor_of_the_pack_as_it_is_now(
    tmp_path: Path, fpir: float, rates: tuple[float, ...]
) -> None:
    keep(tmp_path, SITE)
    raised = structs.replace(PACK, fmr=rates, scores=tuple(PACK.score_at(rate) + 0.1 for rate in rates))
    table, name = sitetable.in_use(tmp_path, "zoo-1", raised)
    assert name == "site 2026-11-28T00:00:00Z"
    assert Strangers(table, 1).threshold(fpir) >= raised.floor_at(fpir) - 1e-9
    lowered = structs.replace(PACK, scores=tuple(score - 0.1 for score in PACK.scores))
    assert sitetable.in_use(tmp_path, "zoo-1", lowered)[0] == SITE, "what it was made with holds, too"
