"""What the pages on law and threats promise is there: every line names a test or a command that exists."""

import ast
import re
from collections.abc import Iterator

import pytest

from edge.cli import COMMANDS, load
from tests.conftest import ROOT

OPERATORS = {
    "law.md": "**the operator's**",
    "law.zh.md": "**由使用单位负责**",
    "threat-model.md": "nothing else",
    "peers.md": "nothing else",
}
TEST, COMMAND = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`"), re.compile(r"`edge-gate ([a-z-]+)(?: ([a-z-]+))?`")


def rows(page: str) -> Iterator[list[str]]:
    """The cells of every line of the page's tables, without their heads."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if line.startswith("| ---")}
    for number, line in enumerate(lines):
        if line.startswith("| ") and not line.startswith("| ---") and number not in heads:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def there(file: str, test: str) -> bool:
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
    return any(isinstance(node, ast.FunctionDef) and node.name == test for node in ast.walk(tree))


def command(name: str, child: str) -> bool:
    return name in COMMANDS and (not child or child in getattr(load(name), "commands", {}))


@pytest.mark.parametrize("page", OPERATORS)
def test_every_line_names_what_keeps_it_and_that_exists(page: str) -> None:
    lines = list(rows(page))
    assert len(lines) > 20
    for cells in lines:
        kept = cells[-1]
        assert TEST.search(kept) or COMMAND.search(kept) or OPERATORS[page] in kept, cells[0]
    text = (ROOT / "docs" / page).read_text()
    assert [found for found in TEST.findall(text) if not there(*found)] == []
    assert [found for found in COMMAND.findall(text) if not command(*found)] == []


def test_every_threat_is_answered_by_a_test() -> None:
    assert [cells[:2] for cells in rows("threat-model.md") if not TEST.search(cells[-1])] == []


def test_both_languages_name_the_same() -> None:
    one, other = (
        [(TEST.findall(cells[-1]), sorted(COMMAND.findall(cells[-1]))) for cells in rows(page)]
        for page in ("law.md", "law.zh.md")
    )
    assert one == other
