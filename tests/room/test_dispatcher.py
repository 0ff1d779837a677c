"""Telling levels for real: a mail server, a web server and a broker take notices, fail, and take them later."""

import base64
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST, free_port
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.deliveries import FIRST_S, Deliveries
from monitor.dispatcher import RAISE_AFTER, Dispatcher, linkage_of, post_of
from monitor.limits import Rules
from monitor.settings import Configured, load
from monitor.tables import DELIVERIES
from monitor.terms import UNDELIVERED, Action, Check, Cleared, Key, Raised
from tests.adapters.brokers import Mosquitto, until
from tests.commands import answer
from tests.room.test_casebook import Chain

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = Key("hq", "lobby", "door/main", "DoorForcedOpen")


class Letters:
    """Keeps what a mail server was handed."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.taken.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


class Hook(BaseHTTPRequestHandler):
    """Takes what is posted; first it is out of order as often as it was told."""

    taken: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    failures: ClassVar[int] = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Hook.failures:
            Hook.failures -= 1
            self.send_error(503)
            return
        Hook.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.taken, Hook.failures = [], 0
    with HTTPServer((HOST, 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}/notices"
        server.shutdown()


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A web server that takes calls and answers none, until it is closed; nobody gives up before."""
    monkeypatch.setattr("monitor.post.PATIENCE_S", 600.0)
    with socket.create_server((HOST, 0), backlog=1000) as server:
        yield server


@pytest.fixture
def letters() -> Iterator[tuple[Letters, int]]:
    handler, port = Letters(), free_port()
    with closing(_Mail(handler, HOST, port)) as server:
        server.start()
        yield handler, port


class _Mail(Controller):
    def close(self) -> None:
        self.stop()


def configured(folder: Path, levels: str, mail: int = 0, broker: int = 1883) -> Configured:
    (folder / "hook.secret").write_text("whsec_" + base64.b64encode(SECRET).decode() + "\n")
    post = f'[mail]\nhost = "{HOST}"\nport = {mail}\nsecurity = "none"\nsender = "room@example.cn"\n' if mail else ""
    page = '[web]\nurl = "https://room.example.cn/"\n[site]\ntitle = "政务中心"\n'
    (folder / "monitor.toml").write_text(f"{page}[broker]\nport = {broker}\n{post}{levels}")
    return load(folder / "monitor.toml")


class Bench:
    """A casebook and its dispatcher; time is what is passed to `turn`."""

    def __init__(self, settings: Configured, database: Database) -> None:
        self.casebook, self.deliveries = Casebook(database, Rules(check_hold_s=0.0)), Deliveries(database)
        linkage, zone = linkage_of(settings), ZoneInfo("Asia/Shanghai")
        self.dispatcher = Dispatcher(
            linkage, self.deliveries, post_of(settings), zone, self.casebook.known, self.casebook.hear, lambda: None
        )

    def turn(self, later: float = 0.0) -> list[Any]:
        """What is known of all deliveries, once every one under way has ended."""
        self.dispatcher.turn(time.time() + later)
        until(lambda: not self.dispatcher._under_way)
        return self.deliveries.latest(100)


def test_a_letter_and_a_signed_call_reach_their_levels_and_later_that_it_is_over(
    tmp_path: Path, database: Database, letters: tuple[Letters, int], hook: str
) -> None:
    levels = (
        '[[level]]\nname = "guard_post"\nemail = ["guard@example.cn"]\n'
        f'[[level]]\nname = "police_liaison"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
        'language = "en"\n'
        '[[rule]]\ntell = ["guard_post", "police_liaison"]\n'
    )
    bench = Bench(configured(tmp_path, levels, letters[1]), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, "source: contact", latched=True)])
    assert [each.state for each in bench.turn()] == ["delivered", "delivered"]
    assert len(bench.turn()) == 2  # and not again

    [letter] = letters[0].taken
    assert letter["Subject"] == "紧急报警：门被强行打开，hq/lobby 门 main" and letter["To"] == "guard@example.cn"
    assert "https://room.example.cn/alarms/1" in letter.get_body().get_content()
    [alert] = letter.iter_attachments()
    assert alert.get_content_type() == "application/cap+xml" and b"<alert" in alert.get_content()

    [(headers, body)] = Hook.taken
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    told = msgspec.json.decode(body)
    assert (told["cause"], told["kind"], told["priority"]) == ("reported", "DoorForcedOpen", "urgent")
    assert told["text"].startswith("urgent alarm: Door forced open, hq/lobby door main")

    for action, who in ((Action.ACKNOWLEDGE, "li"), (Action.MEND, "li"), (Action.LOOK, "wang"), (Action.CLOSE, "li")):
        bench.casebook.act(1, action, who, "private words")
    assert [each.notice.cause for each in bench.turn()[:2]] == ["closed", "closed"]
    assert not any(b"private" in body or b"wang" in body for _, body in Hook.taken)


def test_a_notice_says_what_of_a_door_is_amiss(tmp_path: Path, database: Database, hook: str) -> None:
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    bench = Bench(configured(tmp_path, levels), database)
    bench.casebook.recorded(Chain(database).report("DoorFault", active=True, source="supply"))
    bench.turn()
    [(_, body)] = Hook.taken
    told = msgspec.json.decode(body)
    assert (told["kind"], told["source"]) == ("DoorFault", "supply") and "门锁供电" in told["text"]


def test_a_rule_that_has_waited_says_for_how_long_nobody_has_acknowledged(
    tmp_path: Path, database: Database, hook: str
) -> None:
    levels = (
        f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
        '[[rule]]\ntell = ["guard_post"]\nunacknowledged_s = 60\n'
    )
    bench = Bench(configured(tmp_path, levels), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    assert bench.turn() == []
    [told] = bench.turn(60.0)
    assert str(told.notice.because) == "not acknowledged for 60 s"
    [(_, body)] = Hook.taken
    assert "60 秒内无人确认" in msgspec.json.decode(body)["text"]


def test_what_fails_is_tried_again_is_an_alarm_meanwhile_and_is_known_after_a_crash(
    tmp_path: Path, database: Database, hook: str
) -> None:
    Hook.failures = 4
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    settings = configured(tmp_path, levels)
    bench = Bench(settings, database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    [first] = bench.turn()
    assert (first.state, first.attempts) == ("waiting", 1) and first.why.endswith("answered 503")
    assert bench.turn()[0].attempts == 1  # not at once
    bench = Bench(settings, database)  # the room was killed
    bench.turn(FIRST_S + 1)
    bench.turn(4 * FIRST_S)
    [alarm] = [each for each in bench.casebook.open() if each.key.kind == UNDELIVERED]
    assert alarm.active and alarm.key.subject == "level/guard_post/webhook"
    later = 100.0
    while [each for each in bench.turn(later) if each.state == "waiting"] and later < 10_000:
        later += 100.0
    [alarm] = [each for each in bench.casebook.open() if each.key.kind == UNDELIVERED]
    assert not alarm.active and alarm.checked
    ids = [headers["webhook-id"] for headers, _ in Hook.taken]
    assert ids.count(first.notice.id) == 1 and len(ids) == len(set(ids)) >= 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_while_telling_ends_no_thread_in_silence(tmp_path: Path, database: Database) -> None:
    levels = '[[level]]\nname = "x"\ntopic = "a"\n[[rule]]\ntell = ["x"]\n'
    bench, ended = Bench(configured(tmp_path, levels), database), threading.Event()
    bench.dispatcher.failed = ended.set
    bench.dispatcher._alarms = lambda: [None]  # type: ignore[list-item]
    bench.dispatcher.start()
    assert ended.wait(20.0)
    bench.dispatcher.stop()


def test_a_way_that_hangs_delays_no_other_however_many_wait_for_it(
    tmp_path: Path, database: Database, hook: str, hangs: socket.socket
) -> None:
    secret = 'webhook_secret_file = "hook.secret"'
    levels = (
        f'[[level]]\nname = "guard_post"\nwebhook = "http://{HOST}:{hangs.getsockname()[1]}/"\n{secret}\n'
        f'[[level]]\nname = "police_liaison"\nwebhook = "{hook}"\n{secret}\n'
        '[[rule]]\ntell = ["guard_post"]\n[[rule]]\ntell = ["police_liaison"]\nseverity = 801\n'
    )
    bench = Bench(configured(tmp_path, levels), database)
    waiting = [Key("hq", f"gate-{number}", "camera/in", "CameraFault") for number in range(200)]
    bench.casebook.hear([Raised(key, 500, Check.LOOK) for key in waiting])
    bench.dispatcher.turn(time.time())
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK)])
    bench.dispatcher.turn(time.time())
    until(lambda: Hook.taken)
    hangs.close()
    bench.dispatcher.stop()


@pytest.mark.parametrize(
    ("column", "value"), [("document", b"{"), ("document", b'{"id": 1}'), ("document", b"\xff"), ("way", "pigeon")]
)
def test_a_notice_that_cannot_be_read_is_set_aside_and_told_once_and_its_level_is_told_anew(
    tmp_path: Path, database: Database, hook: str, column: str, value: object
) -> None:
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    Hook.failures = 1
    bench = Bench(configured(tmp_path, levels), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        connection.execute(update(DELIVERIES).values(**{column: value, "next": 0.0}))
    other = KEY._replace(gate="garage")
    bench.casebook.hear([Raised(other, 900, Check.LOOK, latched=True)])
    bench.dispatcher.start()
    until(lambda: {each.notice.alarm.key for each in bench.deliveries.latest(9) if each.done} >= {KEY, other})
    bench.dispatcher.stop()
    [alarm] = [each for each in bench.casebook.open() if each.key.kind == UNDELIVERED]
    assert alarm.occurrences == 1 and alarm.detail.startswith("a notice cannot be read: ")
    with database.reading() as connection:
        [row] = connection.execute(select(DELIVERIES).where(DELIVERIES.c.state == "unreadable"))
    assert (row.alarm, row.why) == (1, alarm.detail)


@pytest.mark.parametrize(("column", "value"), [("document", b"{"), ("way", "pigeon")])
def test_a_way_whose_notice_cannot_be_read_is_told_what_the_other_was_told_and_the_other_not_again(
    tmp_path: Path, database: Database, letters: tuple[Letters, int], hook: str, column: str, value: object
) -> None:
    levels = (
        f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
        'email = ["guard@example.cn"]\n[[rule]]\ntell = ["guard_post"]\nkinds = ["DoorForcedOpen"]\n'
    )
    Hook.failures = 1
    bench = Bench(configured(tmp_path, levels, letters[1]), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        failed = DELIVERIES.c.state == "waiting"
        connection.execute(update(DELIVERIES).where(failed).values(**{column: value, "next": 0.0}))
    for _ in range(3):
        told = bench.turn()
    assert sorted((each.way, each.state) for each in told) == [("email", "delivered"), ("webhook", "delivered")]
    [(headers, _)] = Hook.taken
    assert len(letters[0].taken) == 1 and {each.notice.id for each in told} == {headers["webhook-id"]}


def test_of_whom_an_unreadable_row_has_told_is_told_again(tmp_path: Path, database: Database, hook: str) -> None:
    levels = f'[[level]]\nname = "guard_post"\nwebhook = "{hook}"\nwebhook_secret_file = "hook.secret"\n'
    settings = configured(tmp_path, levels)
    bench = Bench(settings, database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    bench.turn()
    with database.writing() as connection:
        connection.execute(update(DELIVERIES).values(cause="because"))
    assert len(Bench(settings, database).turn()) == 2


@pytest.mark.parametrize(
    ("host", "password", "why"),
    [
        (HOST, "密码密码", "a name or password for email has ASCII letters only"),
        ("mail..example.cn", "x", "UnicodeError"),
    ],
)
def test_whatever_is_wrong_with_a_way_is_an_attempt_that_failed_and_in_the_end_an_alarm(
    tmp_path: Path, database: Database, host: str, password: str, why: str
) -> None:
    (tmp_path / "mail.secret").write_text(password, "utf-8")
    server = f'[mail]\nhost = "{host}"\nusername = "room"\npassword_file = "mail.secret"\nsender = "room@example.cn"\n'
    levels = '[[level]]\nname = "guard_post"\nemail = ["guard@example.cn"]\n'
    bench = Bench(configured(tmp_path, server + levels), database)
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK, latched=True)])
    for attempt in range(RAISE_AFTER):
        told = bench.turn(attempt * 4 * FIRST_S)[-1]
        assert (told.state, told.attempts) == ("waiting", attempt + 1) and why in told.why
    [alarm] = [each for each in bench.casebook.open() if each.key.kind == UNDELIVERED]
    assert alarm.key.subject == "level/guard_post/email"


@pytest.mark.real
def test_a_topic_is_published_on_and_a_test_says_what_became_of_it(
    tmp_path: Path, database: Database, broker: Mosquitto
) -> None:
    levels = '[[level]]\nname = "guard_post"\ntopic = "notice/guard_post"\n[[level]]\nname = "duty_leader"\n' + (
        f'topic = "notice/leader"\nwebhook = "http://{HOST}:{free_port()}/"\nwebhook_secret_file = "hook.secret"\n'
    )
    levels += f'[store]\ndatabase = "{database.name}"\n'
    bench = Bench(configured(tmp_path, levels, broker=broker.port), database)
    connection = Connection(Address(HOST, broker.port), ["notice/+", "heard"])
    connection.publish(Message("heard", b""))
    until(lambda: connection.turn(0.1))  # so the broker knows what it wants to hear
    bench.casebook.hear([Raised(KEY, 900, Check.LOOK), Cleared(KEY)])
    bench.turn()
    told_of: list[Message] = []
    until(lambda: told_of or told_of.extend(connection.turn(0.1)))
    [message] = told_of
    assert message.topic == "notice/guard_post" and msgspec.json.decode(message.payload)["alarm"] == 1
    connection.close()
    told = answer("monitor", "test", "duty_leader", "--config", tmp_path / "monitor.toml", status=1)
    assert [(way["way"], way["ok"]) for way in told["ways"]] == [
        ("mqtt", True), ("webhook", False),
    ]  # fmt: skip
    assert "refused" in told["ways"][1]["why"]
    assert {each.state for each in bench.deliveries.latest(2)} == {"delivered", "given_up"}


@pytest.mark.parametrize(
    ("levels", "complaint"),
    [
        ('[[level]]\nname = "x"', "cannot be told"),
        ('[[level]]\nname = "x"\nemail = ["a@b.cn"]', "configure [mail]"),
        ('[[level]]\nname = "x"\nwebhook = "http://example.cn"\nwebhook_secret_file = "s"', "https://"),
        ('[[level]]\nname = "x"\nwebhook = "https://example.cn"', "webhook_secret_file"),
        ('[[level]]\nname = "x"\ntopic = "a/#"', "without +"),
        ('[[level]]\nname = "x"\ntopic = "a"\nquiet = "22-7"', "22:00-07:00"),
        ('[[level]]\nname = "x"\ntopic = "a"\n[[rule]]\ntell = ["y"]', "no [[level]] y"),
        ('[[level]]\nname = "x"\ntopic = "a"\n[[rule]]\ntell = ["x"]\nkinds = ["Dor"]', "no kind of alarm"),
        ('[[level]]\nname = "x"\ntopic = "a"\n[[level]]\nname = "x"\ntopic = "b"', "several"),
    ],
)
def test_a_level_that_cannot_be_told_is_refused_by_name(tmp_path: Path, levels: str, complaint: str) -> None:
    with pytest.raises(Exception, match=r"problem") as refused:
        configured(tmp_path, levels)
    assert complaint in str(refused.value)
