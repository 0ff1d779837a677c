"""What the interface for programs refuses: always in one form, with the right status, in the reader's language."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.access import Bounded
from monitor.openapi import document
from monitor.spoken import language
from tests.room.conftest import PASSWORD, Monitor, get, post

NOBODY = 10**12
CUT = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("header", "cookie", "wanted"),
    [
        ("", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh_CN"),
        ("de, en;q=0.3, zh-TW;q=0.7", "", "zh_CN"),
        ("fr;q=1, zh;q=0, *;q=0.1", "", "en"),
        ("zh;q=much, en;q=0.1", "", "en"),
        ("en, zh", "", "en"),
        ("en", "language=zh_CN", "zh_CN"),
        ("zh", "language=xx", "zh_CN"),
    ],
)
def test_the_language_is_the_one_that_is_wanted_most(header: str, cookie: str, wanted: str) -> None:
    headers = [(b"accept-language", header.encode()), (b"cookie", cookie.encode())]
    assert language(Request({"type": "http", "headers": headers})) == wanted


def test_no_list_of_the_document_has_a_word_twice() -> None:
    lists = list(words(document()))
    assert lists and all(len(each) == len(set(each)) for each in lists)


def words(part: Any) -> Iterator[list[str]]:
    if isinstance(part, dict):
        yield from [part["enum"]] if "enum" in part else []
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from words(each)


@pytest.mark.parametrize(("end", "is_done"), [({"type": "http.request", "body": b"main"}, True), (CUT, False)])
def test_nothing_is_done_of_a_body_that_did_not_come_whole(end: dict[str, Any], is_done: bool) -> None:
    """`door=` alone would be every door."""
    sent = [{"type": "http.request", "body": b"kind=block&door=", "more_body": True}, end]
    done: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return sent.pop(0)

    async def app(scope: Any, _receive: object, _send: object) -> None:
        done.append(scope["state"]["body"])

    scope = {"type": "http", "method": "POST", "path": "/gates/demo/lobby/commands", "headers": []}
    asyncio.run(Bounded(app)(scope, receive, None))
    assert done == ([b"kind=block&door=main"] if is_done else [])


@pytest.mark.real
@pytest.mark.parametrize("monitor", ["sqlite"], indirect=True)
class TestRefusals:
    def test_a_step_on_an_alarm_that_is_not_there(self, monitor: Monitor) -> None:
        for number in (NOBODY, 2**70):
            told = monitor.call(f"/api/alarms/{number}/acknowledge", status=404)
            assert told["error"] == f"there is no alarm {number}"

    def test_a_step_without_its_text(self, monitor: Monitor, gate: SimulatedGate) -> None:
        gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
        [alarm] = [each for each in monitor.wait(lambda alarms: kinds(alarms, gate)) if each["gate"] == gate.name]
        step = f"/api/alarms/{alarm['number']}"
        for action, why in (("note", "the note is empty"), ("assign", "to whom"), ("shelve", "say why")):
            assert why in monitor.call(f"{step}/{action}", text=" ", status=400)["error"]
        assert "at most" in monitor.call(f"{step}/shelve", text="painting", seconds=-1, status=400)["error"]
        assert [each["stage"] for each in monitor.call(step)["steps"]] == ["raised"]
        monitor.call(f"{step}/note", text=" seen ")
        assert monitor.call(step)["steps"][-1]["text"] == "seen"

    def test_what_the_framework_refuses_has_the_same_form(self, monitor: Monitor) -> None:
        answer = post(f"{monitor.url}/api/gates", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"error": "this address takes GET, HEAD", "hint": ""}
        assert get(f"{monitor.url}/api/session").headers["allow"] == "DELETE, POST"
        answer = get(f"{monitor.url}/api/none", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.json()["error"]) == (404, "there is no such page")

    def test_a_browser_is_told_on_a_page(self, monitor: Monitor) -> None:
        answer = get(f"{monitor.url}/none", headers={"Accept": "text/html", "Accept-Language": "zh"})
        assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
        assert "没有此页面" in answer.text and "content-security-policy" in answer.headers
        answer = get(f"{monitor.url}/none", headers={"Accept": "text/html"}, auth=("li", PASSWORD))
        assert answer.status_code == 404 and 'href="/history"' in answer.text, "the way back of who is logged in"

    def test_in_chinese_for_who_reads_chinese(self, monitor: Monitor) -> None:
        headers = {"Accept-Language": "zh-CN"}
        told = get(f"{monitor.url}/api/alarms", headers=headers)
        assert (told.status_code, told.json()["error"]) == (401, "请先登录")
        told = post(f"{monitor.url}/api/alarms/{NOBODY}/close", json={}, auth=("li", PASSWORD), headers=headers)
        assert str(NOBODY) in told.json()["error"] and "no alarm" not in told.json()["error"]
        for body, why in (
            (b"{", "数据不完整"),
            (b'{"text": 5}', "`$.text` 应为 `str`，却是 `int`"),
            (b"[]", "应为 `object`"),
        ):
            step, json = f"{monitor.url}/api/alarms/{NOBODY}/note", {"Content-Type": "application/json", **headers}
            told = post(step, content=body, auth=("li", PASSWORD), headers=json)
            assert told.status_code == 400 and why in told.json()["error"]
        assert post(f"{monitor.url}/login", content=b"x" * 70_000, headers=headers).json()["error"] == "超过 65536 字节"


def kinds(alarms: list[Any], gate: SimulatedGate) -> bool:
    return any(each["gate"] == gate.name for each in alarms)
