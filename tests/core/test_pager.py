"""What is asked of a broker again: what is lacking soon, and the manifest now and then although nothing is."""

from edge.holding import Holding, Page
from edge.pager import CHECK_EVERY_S, PATIENCE_S, Pager
from edge.records import PAGES, Index, Manifest, Topics

TOPICS = Topics("site")


def whole() -> Holding:
    """A list of nobody, every page of it here."""
    holding = Holding()
    holding.want(Manifest("site", 1, 0.0, 1e9, 0, [bytes([n]) for n in range(PAGES)]), b"manifest", {})
    for number in range(PAGES):
        holding.place(number, Page(Index("site", number, 1, []), b"page", bytes([number])), {})
    return holding


def asked(holding: Holding, seconds: float) -> list[tuple[float, list[str]]]:
    """When which documents are asked for, in so many seconds of a new connection."""
    pager, found = Pager(TOPICS), []
    for tick in range(round(seconds / 0.5) + 1):
        if documents := pager.wanted(holding, 100 + tick / 2).documents:
            found.append((tick / 2, documents))
    return found


def test_a_manifest_that_fits_is_asked_for_again_now_and_then() -> None:
    """Or a broker that showed an old one, whole, would be believed until the next is issued."""
    times = [CHECK_EVERY_S, 2 * CHECK_EVERY_S, 3 * CHECK_EVERY_S]
    assert asked(whole(), 3 * CHECK_EVERY_S) == [(at, [TOPICS.manifest]) for at in times]


def test_manifest_and_index_that_do_not_fit_are_asked_for_again_soon() -> None:
    holding = whole()
    holding.want(Manifest("site", 2, 1.0, 1e9, 0, [b"other", *(bytes([n]) for n in range(1, PAGES))]), b"newer", {})
    both = [TOPICS.manifest, TOPICS.index]
    assert asked(holding, 3 * PATIENCE_S) == [(n * PATIENCE_S, both) for n in (1, 2, 3)]
