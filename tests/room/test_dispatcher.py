"""Telling levels for real: a mail server, a web server and a broker take notices, fail, and take them later."""

import base64
import hashlib
import hmac
import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST, free_port
from monitor.database import Database
from monitor.deliveries import FIRST_S
from monitor.dispatcher import RAISE_AFTER
from monitor.terms import UNDELIVERED, Action, Check, Cleared, Key, Raised
from tests.adapters.brokers import Mosquitto, until
from tests.commands import answer
from tests.room.posts import KEY, SECRET, Bench, Hook, Letters, configured
from tests.room.test_casebook import Chain


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
