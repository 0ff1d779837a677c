"""Messages speak the reader's language: nothing is left untranslated, and programs read the same in every one."""

import gettext
import json
import runpy
import subprocess
from pathlib import Path

import pytest

from edge.i18n import DOMAIN, LOCALES
from tests.commands import run
from tests.conftest import ROOT

MESSAGES = runpy.run_path(str(ROOT / "scripts/messages"))
CHINESE, ENGLISH = {"EDGE_GATE_LANGUAGE": "zh"}, {"LANG": "en_US.UTF-8"}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "gate.toml"
    file.write_text("[gate]\nsite = 1\nnmae = 'lobby'\n")
    return file


def test_the_catalogue_is_whole_and_current() -> None:
    checked = subprocess.run([ROOT / "scripts/messages", "--check"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_what_is_compiled_is_what_gettext_reads() -> None:
    catalogue = gettext.translation(DOMAIN, LOCALES, ["zh_CN"])
    for text, translation in MESSAGES["read"](MESSAGES["CATALOGUE"]).items():
        assert catalogue.gettext(text) == translation


@pytest.mark.parametrize(
    ("term", "other"), [("site 站点", "场所"), ("recorder 记录端", "记录器"), ("scenario 情景", "用场景")]
)
@pytest.mark.parametrize("path", [ROOT / "README.zh.md", MESSAGES["CATALOGUE"]], ids=lambda path: path.name)
def test_a_thing_has_one_name_in_chinese(path: Path, term: str, other: str) -> None:
    assert other not in path.read_text("utf-8"), term


def test_texts_are_found_wherever_they_are_written() -> None:
    source = '''
from edge.errors import ModelError
class Lost(ModelError):
    def __init__(self, why):
        super().__init__("lost: {why}", why=why)
class Refused(ModelError):
    """No."""
class Incomplete(Refused):
    """Not all."""
def fetch(config: ConfigOption):
    """Bring it."""
    text, hint = "no {file}" if config else "no file", "get it"
    say("{done} done")
    raise ModelError(text, hint) from Incomplete("not all")
'''
    tree = MESSAGES["ast"].parse(source)
    found = {"lost: {why}", "no {file}", "no file", "get it", "{done} done", "Bring it.", "not all"}
    assert set(MESSAGES["Module"](tree).texts(commands=True)) == found
    hidden = MESSAGES["ast"].parse('from edge.errors import ModelError\nraise ModelError(f"no {file}")')
    with pytest.raises(SyntaxError, match="cannot be found"):
        list(MESSAGES["Module"](hidden).texts(commands=False))


def test_a_text_without_translation_or_with_other_fields_is_a_complaint() -> None:
    places = {"{a} of {b:.0f}": ["x.py"], "c": ["y.py"], "{d}": ["z.py"]}
    complaints = list(MESSAGES["complaints"](places, {"{a} of {b:.0f}": "{b} {a}", "{d}": "{d}。"}))
    assert complaints == [
        "x.py: other placeholders in the translation of: {a} of {b:.0f}",
        "y.py: no translation of: c",
    ]


def test_a_catalogue_is_read_as_it_was_written(tmp_path: Path) -> None:
    texts = {'say "{x}"\nand \\ {y}': "说“{x}”\n和\t\\", "Usage: ": "用法："}
    file = tmp_path / "x.po"
    file.write_text(MESSAGES["written"]({text: ["x.py"] for text in texts}, texts))
    assert MESSAGES["read"](file) == texts


@pytest.mark.parametrize("variables", [CHINESE, {"LANG": "zh_CN.UTF-8"}, {"LC_ALL": "zh_TW.UTF-8", "LANG": "C"}])
def test_chinese_readers_read_chinese(bad: Path, variables: dict[str, str]) -> None:
    checked = run("check", "--config", bad, **variables)
    assert checked.returncode == 1
    assert f"{bad}：配置中有 4 个问题" in checked.stderr
    assert "gate.nmae：未知的配置项；是否指 name？" in checked.stderr
    assert "gate.site：必须是名称，最多 31 个小写字母、数字和 -，而不是 1" in checked.stderr


@pytest.mark.parametrize("variables", [ENGLISH, {"LANG": "C"}, {}, {"EDGE_GATE_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}])
def test_other_readers_read_english(bad: Path, variables: dict[str, str]) -> None:
    checked = run("check", "--config", bad, **variables)
    assert f"{bad}: 4 problem(s) in the configuration" in checked.stderr
    assert "gate.nmae: unknown key; did you mean name?" in checked.stderr


def test_programs_read_the_same_in_every_language(bad: Path) -> None:
    chinese, english = (run("check", "--json", "--config", bad, **language) for language in (CHINESE, ENGLISH))
    assert (chinese.stdout, chinese.stderr) == (english.stdout, "")
    assert len(json.loads(english.stdout)["problems"]) == 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], "用法：edge-gate"),
        (["--help"], "  校验配置文件"),
        (["people", "--help"], "命令:\n  list     显示所有现在或曾经登记的人员。\n"),
        (["enroll", "--help"], "本人同意书的存档编号。"),
        (["visitor", "verify", "--help"], "[必填]"),
        (["enroll", "--help"], "显示本帮助并退出。"),
    ],
)
def test_help_speaks_chinese(arguments: list[str], expected: str) -> None:
    helped = run(*arguments, **CHINESE)
    assert expected in helped.stdout


@pytest.mark.parametrize(
    ("arguments", "chinese", "english"),
    [
        (["chek"], "没有命令 'chek'，是否指 'check'？", "No such command 'chek'. Did you mean 'check'?"),
        (["check", "--jso"], "没有选项 --jso（相近的选项：--json）", "No such option: --jso"),
        (["check", "--config"], "选项 '--config' 需要一个值。", "Option '--config' requires an argument."),
        (["check", "x"], "多余的参数（x）", "Got unexpected extra argument(s) (x)"),
        (["revoke"], "缺少参数 'ID'。", "Missing argument 'ID'."),
        (["keys", "new"], "缺少参数 'KIND'。可选值：", "Missing argument 'KIND'. Choose from:"),
        (
            ["keys", "new", "x"],
            "'x' 不是 'whitelist', 'signing', 'pass', 'operator', 'desk', 'gate', 'reader', 'backup' 之一。",
            "'x' is not one of 'whit",
        ),
        (["relay", "test", "--seconds", "x"], "'--seconds' 的值无效：必须是数字", "Input should be a valid number"),
        (["relay", "test", "--seconds", "0"], "必须大于或等于 0.1", "Input should be greater than or equal to 0.1"),
        (["bench", "outbox", "--events", "x"], "必须是整数", "Input should be a valid integer"),
        (["models", "fetch", "zoo", "--from", "/x"], "路径 '/x' 不存在。", "path '/x' does not exist."),
    ],
)  # fmt: skip
def test_a_wrong_call_is_explained_in_the_language_of_the_caller(
    arguments: list[str], chinese: str, english: str
) -> None:
    wrong = run(*arguments, **CHINESE)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert chinese in wrong.stderr and "Error" not in wrong.stderr
    assert english in run(*arguments, **ENGLISH).stderr


def test_chinese_help_stays_within_the_terminal() -> None:
    helped = run("demo", "--help", **CHINESE, COLUMNS="50").stdout
    assert max(sum(2 if letter > "⺀" else 1 for letter in line) for line in helped.splitlines()) <= 50
