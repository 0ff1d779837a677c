"""Documents that are made from the code are current and leave nothing out."""

import re
import subprocess
import sys
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.cli import COMMANDS, load
from edge.config import Config
from edge.events import TABLE
from edge.transport import type_name
from monitor.settings import Settings
from tests.conftest import ROOT

CATALOGUE = ROOT / "edge/locale/zh_CN/LC_MESSAGES/edge-gate.mo"
MADE = ("configuration.md", "monitor-configuration.md", "commands.md", "asyncapi.json", "states.md", "degraded.md")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, "scripts/document", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", MADE)
def test_a_document_is_current(made: Path, name: str) -> None:
    assert (made / name).read_text() == (ROOT / "docs" / name).read_text(), "run: scripts/document"


def parts(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, its parameters and what is below it."""
    yield name, command
    for parameter in command.params:
        yield f"{name} {parameter.name}", parameter
    for child, below in getattr(command, "commands", {}).items():
        yield from parts(f"{name} {child}", below)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    assert [where for where, part in parts(name, load(name)) if not part.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_chinese_help(name: str) -> None:
    with CATALOGUE.open("rb") as file:
        chinese = GNUTranslations(file)
    assert [where for where, part in parts(name, load(name)) if chinese.gettext(part.help) == part.help] == []


@pytest.mark.parametrize(("name", "whole"), [("configuration.md", Config), ("monitor-configuration.md", Settings)])
def test_every_key_of_the_configuration_is_explained(name: str, whole: type) -> None:
    document = (ROOT / "docs" / name).read_text()
    for table in msgspec.inspect.type_info(whole).fields:
        kind = getattr(table.type, "item_type", table.type)
        for key in kind.fields:
            [line] = [line for line in section(document, table.name).splitlines() if line.startswith(f"| `{key.name}`")]
            assert len(line.rstrip(" |").rpartition("|")[2]) > len("a word"), line


def section(document: str, table: str) -> str:
    after = document.partition(f"## `[{table}]`")[2] or document.partition(f"## `[[{table}]]`")[2]
    return after.partition("\n## ")[0]


def test_the_contract_names_every_event() -> None:
    contract = msgspec.json.decode((ROOT / "docs/asyncapi.json").read_bytes())
    messages = {message.get("name") for message in contract["components"]["messages"].values()}
    assert {type_name(kind) for kind in TABLE} <= messages


def linked(name: str) -> set[str]:
    return set(re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text())) - {"README.md", "README.zh.md"}


def test_either_readme_leads_to_every_document() -> None:
    english, chinese = linked("README.md"), linked("README.zh.md")
    assert [link for link in english | chinese if not (ROOT / link).is_file()] == []
    assert {each.replace(".zh.", ".") for each in chinese} == english
    files = [each.name for each in (ROOT / "docs").iterdir() if each.is_file()]
    documents = {f"docs/{name}" for name in files if ".zh." not in name}
    assert documents <= english


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_way_of_one_face_names_what_is_there(name: str) -> None:
    code = [file.read_text() for package in ("edge", "monitor") for file in (ROOT / package).rglob("*.py")]
    hops = set(re.findall(r"`([A-Z]\w+)\.(\w+)`", (ROOT / name).read_text()))
    there = {(kind, hop) for kind, hop in hops for text in code if f"class {kind}" in text and f"def {hop}(" in text}
    assert len(hops) > 20 and hops == there


def test_every_decision_stands_in_their_table_in_order_with_its_date_and_title() -> None:
    folder = ROOT / "docs/decisions"
    rows = []
    for file in sorted(folder.glob("0*.md")):
        title = re.fullmatch(r"# (\d+)\. (.+) \((\d{4}-\d\d-\d\d)\)", file.read_text().split("\n")[0])
        assert title, file.name
        rows.append(f"| [{title[1]}]({file.name}) | {title[3]} |")
    table = [row for row in (folder / "README.md").read_text().split("\n") if row.startswith("| [")]
    assert ["|".join(row.split("|")[:3]) + "|" for row in table] == rows
