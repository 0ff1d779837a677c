"""The room's own picture over its interface for programs: for a terminal that logs in as somebody.

It follows the room's stream of news and fetches what has changed. Nothing personal is asked for.
"""

import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from edge.errors import EdgeError, LinkError
from edge.i18n import _, language
from monitor.hub import ALIVE_S, News
from monitor.picture import CLOCK, Picture, Row, clock, row, things
from monitor.retold import retelling
from monitor.words import detailed, where, word

LINES = 200
PATIENCE_S = 10.0
RETRY_S = 2.0
LOCAL = ("127.0.0.1", "::1", "localhost")

Show = Callable[[Picture, list[News]], object]


class Remote:
    """Logged in with every request. `run` is for a thread of its own, `acknowledge` for any."""

    def __init__(self, url: str, user: str, password: str, ca: Path | None = None) -> None:
        _refuse_unsafe(url)
        try:
            verify = ssl.create_default_context(cafile=ca)
        except OSError as error:
            raise EdgeError("{path} cannot be read: {why}", path=ca, why=error.strerror or error) from error
        timeout = httpx.Timeout(PATIENCE_S, read=2 * ALIVE_S)
        self._client = httpx.Client(
            base_url=url, auth=(user, password), verify=verify, timeout=timeout, trust_env=False,
            headers={"Accept-Language": language().partition(".")[0].replace("_", "-")},
        )  # fmt: skip
        self._gates: list[Row] = []
        self._alarms: list[Row] = []
        self._log: deque[Row] = deque(maxlen=LINES)

    def run(self, show: Show) -> None:
        """Show until `show` raises; LinkError at once when the room refuses who logs in."""
        with self._client:
            while True:
                try:
                    self._follow(show)
                except (httpx.HTTPError, msgspec.MsgspecError, OSError) as error:
                    show(self._picture(str(error) or type(error).__name__), [])
                time.sleep(RETRY_S)

    def acknowledge(self, number: int) -> str:
        """Acknowledge an alarm; why it was refused, or ""."""
        try:
            answer = self._client.post(f"/api/alarms/{number}/acknowledge", json={})
        except httpx.HTTPError as error:
            return str(error)
        return "" if answer.is_success else _error(answer)

    def _follow(self, show: Show) -> None:
        with self._client.stream("GET", "/stream") as stream:
            if stream.status_code != 200:
                stream.read()
                raise LinkError("the room refuses: {why}", why=_error(stream))
            self._fetch("gates", "alarms")
            show(self._picture(), [])
            for name, data in _messages(stream.iter_lines()):
                news = self._take(data) if name == "events" else []
                self._fetch(name)
                show(self._picture(), news)

    def _take(self, data: str) -> list[News]:
        news = msgspec.json.decode(data, type=list[News])
        for each in news:
            kind = each.type.removeprefix("edge-gate.")
            cells = (clock(each.time), f"{each.site}/{each.gate}", where(each.subject, _), _(word(kind)), "")
            self._log.appendleft(row((each.site, each.gate, each.id), *cells, severity=each.severity))
        return news

    def _fetch(self, *names: str) -> None:
        if {"gates", "resync"} & set(names):
            self._gates = [_gate(gate) for gate in self._get("gates")]
        if {"alarms", "resync"} & set(names):
            self._alarms = [_alarm(alarm) for alarm in self._get("alarms")]

    def _get(self, what: str) -> list[dict[str, Any]]:
        answer = self._client.get(f"/api/{what}").raise_for_status()
        found: list[dict[str, Any]] = answer.json()[what]
        return found

    def _picture(self, link: str = "") -> Picture:
        return Picture(self._gates, self._alarms, list(self._log), link)


def _refuse_unsafe(url: str) -> None:
    """EdgeError when it is no address, or one to which a password would go in the clear."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise EdgeError("{url} is not the address of a room, https://HOST[:PORT]", url=url)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in LOCAL):
        raise EdgeError("{url} must begin with https://: no password crosses a network in the clear", url=url)


def _messages(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Name and data of server-sent events, each of one line."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


def _gate(gate: dict[str, Any]) -> Row:
    place, state = f"{gate['site']}/{gate['name']}", gate["state"]
    undelivered = "" if gate["undelivered"] is None else gate["undelivered"]
    doors, cameras = things(state.get("doors"), "mode", "physical"), things(state.get("cameras"), "status")
    return row(place, place, _(word(gate["status"])), doors, cameras, undelivered)


def _alarm(alarm: dict[str, Any]) -> Row:
    since = datetime.fromtimestamp(alarm["raised"]).strftime(CLOCK)
    place, kind = f"{alarm['site']}/{alarm['gate']}".strip("/"), _(word(alarm["kind"]))
    cells = (
        since,
        place,
        where(alarm["subject"], _),
        kind,
        alarm["severity"],
        _(word(alarm["state"])),
        detailed(alarm["kind"], alarm["detail"], retelling(language())),
    )
    return row(str(alarm["number"]), *cells, severity=alarm["severity"], number=alarm["number"])


def _error(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
