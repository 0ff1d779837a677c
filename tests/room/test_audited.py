"""What the audit has put down, in the reader's language: our words are told, names and numbers stay as they are."""

import pytest

from edge.i18n import messages
from monitor.audited import audited
from monitor.retold import retelling
from monitor.words import DEEDS, word

NAMES = {"hq/lobby": "大堂"}
TOLD = [
    ("login", "10.0.0.1", "10.0.0.1"),
    ("login", "10.0.0.1, passkey", "10.0.0.1, 通行密钥"),
    ("account added", "guard: guard", "guard: 保安"),
    ("account changed", "sun: operator, another password", "sun: 值班员, 新密码"),
    ("account removed", "guard", "guard"),
    ("test notice", "guard_post", "门岗"),
    ("photo", "alarm 7", "报警 7"),
    ("picture", "alarm 7", "报警 7"),
    ("gate page", "hq/lobby", "大堂"),
    ("live look", "hq/lobby entrance", "hq/lobby entrance"),
    ("events", "since 0, 3 events", "自 0 起，3 个事件"),
    ("history", "gate=hq%2Flobby&type=edge-gate.DoorTamper&person=&severity=urgent&before=7",
     "闸机: 大堂, 事件: 机壳被打开, 严重程度: 紧急"),
    ("history", "person=guard", "人员: guard"),
    ("export", "", ""),
    ("gap accepted", "hq/lobby 3: disk <b> lost", "hq/lobby 3: disk <b> lost"),
    ("command", "open hq/lobby main: accepted, ab12", "开门一次 hq/lobby main: 已接受，ab12"),
    ("command", "lock_down hq: accepted by 1 of 2 gates", "封锁 hq: 2 台闸机中有 1 台接受"),
    ("command", "open hq/lobby main: refused", "开门一次 hq/lobby main: 被拒绝"),
    ("command", "open hq/lobby main: refused: the door is locked down; release it first",
     "开门一次 hq/lobby main: 被拒绝: 门已封锁；请先解除"),
    ("command", "block hq/lobby: accepted, ab12, not for side: the door is locked down; release it first",
     "禁用 hq/lobby: 已接受，ab12，side 除外: 门已封锁；请先解除"),
    ("command", "lock_down hq: withdrawn, zhao had asked", "封锁 hq: 已撤回，原由 zhao 提出"),
    ("command", "lock_down hq: awaits a second person", "封锁 hq: 等待第二人确认"),
    ("patrols", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("deed", "detail", "told"), TOLD)
def test_a_detail_is_told_in_the_readers_language(deed: str, detail: str, told: str) -> None:
    assert audited(deed, detail, retelling("zh_CN"), NAMES) == told


def test_every_deed_has_a_word_and_what_has_no_detail_has_none() -> None:
    assert {deed for deed, *_ in TOLD} <= DEEDS.keys()
    assert all(word(deed) in messages("zh_CN") for deed in DEEDS)
    assert {audited(deed, "", retelling("zh_CN")) for deed in DEEDS.keys() - {"command", "photo", "picture"}} == {""}
