"""What gates and the machine say in English reaches a reader in their own language, whatever is filled in."""

import string

import pytest

from edge.errors import EdgeError, Phrase
from edge.i18n import messages, speaking
from edge.outlook import detail
from edge.terms import ALIVE, Status
from monitor.photos import redrawn
from monitor.retold import DEEPEST, LEAST, LONGEST, MOST, SHORT, Retelling, Shape, retelling
from monitor.terms import REPORTED
from monitor.words import detailed

CHINESE = retelling("zh_CN")
SAID = [
    ("contrast 0.012", "对比度 0.012"),
    ("1280 x 720 pixels instead of 1920 x 1080", "1280 x 720 像素，应为 1920 x 1080"),
    ("no answer within 2.5 s", "2.5 秒内没有答复"),
    ("the relay guard is gone", "继电器守护进程已退出"),
    ("3-5: it does not follow from the event before it", "3-5: 与前一事件不衔接"),
    ("it has 2 heads; 7 of unknown events carried over", "它有 2 个头记录; unknown 个事件中转入了 7 个"),
    ("edge/v1/hq/g/event: malformed: JSON is malformed", "edge/v1/hq/g/event: 格式错误：JSON is malformed"),
    ("[Errno 111] Connection refused", "[Errno 111] 连接被拒绝"),
    ("words of somebody", "words of somebody"),
    ("it is a test, again", "it is a test, again"),
    ("one of them", "one of them"),
    ("the hall above the lobby", "the hall above the lobby"),
    ("the guard post is empty", "the guard post is empty"),
    ("", ""),
]


@pytest.mark.parametrize(("english", "chinese"), SAID)
def test_a_message_is_known_again_by_its_shape(english: str, chinese: str) -> None:
    assert CHINESE(english) == chinese
    assert retelling("en")(english) == english


def test_an_error_of_another_process_is_retold_with_its_hint_and_with_what_is_filled_in() -> None:
    hint = "see what there is: edge-gate monitor verify"
    error = EdgeError("there is no gap at {place} that waits to be accepted", hint, place="a/b/c/1")
    assert CHINESE(str(error)) == error.render(speaking("zh_CN"))
    inner = EdgeError("{path} cannot be read: {why}", path="/etc/x", why="Permission denied")
    assert CHINESE(str(inner)) == inner.render(speaking("zh_CN"))


def test_every_message_that_can_be_told_from_others_is_retold() -> None:
    """With any words filled in; the few that look like another one of more letters are told by that one."""
    known = messages("zh_CN")
    assert len(known) > 1000
    told = [text for text in known if "{" in text and fits(text)]
    missed = [text for text in told if CHINESE(filled(text)) == filled(text) != filled(known[text])]
    assert (
        len(told) > 500
        and [text for text in missed if sum(map(str.isalpha, bare(text))) >= LEAST or text in SHORT] == []
    )


def fits(text: str) -> bool:
    parts = list(string.Formatter().parse(text))
    return all(literal for literal, _, _, _ in parts[1:]) and len(filled(text)) < LONGEST


def filled(text: str) -> str:
    parts = string.Formatter().parse(text)
    return "".join(literal + (f"<{name}>" if name is not None else "") for literal, name, _, _ in parts)


def bare(text: str) -> str:
    return "".join(literal for literal, _, _, _ in string.Formatter().parse(text))


def test_a_text_that_fits_in_part_only_stays() -> None:
    retold = Retelling(
        {
            "the door {name} of {name}": "{name} 之门 {name}",
            "counted from {a}, {b} on": "{b} {a}",
            "{a}{b} is begun": "x",
        }
    )
    assert retold.text("the door a of a") == "a 之门 a"
    assert retold.text("counted from 1, 2 on") == "2 1"
    numbers = [
        "counted from , 2 on",
        "counted from 1,  on",
        "counted from 1 on",
        "counted from 1, 2 on" + "x" * LONGEST,
    ]
    for text in (*numbers, "the door a of b", "the door  of ", "ab is begun"):
        assert retold.text(text) == text


class Counted(Retelling):
    """Counts how often all shapes are looked at, which is what takes long."""

    looks = 0

    def shape(self, text: str) -> tuple[Shape, dict[str, str]] | None:
        self.looks += 1
        return super().shape(text)


HARD = ["a: ", "; ", "\n", "there is no gate ", " cannot be read", "camera x answers at ", ", again", ", ", "{", "x"]


@pytest.mark.parametrize("joints", [0, 1, MOST])
@pytest.mark.parametrize("piece", HARD)
def test_a_text_that_was_made_to_be_hard_takes_few_looks_and_is_kept_once(piece: str, joints: int) -> None:
    retold = Counted(messages("zh_CN"))
    part = piece * (LONGEST // (joints + 1) // len(piece) - 1)
    hard = "; ".join([part] * (joints + 1))
    told = retold.text(hard)
    assert told and retold.looks <= (joints + 1) * (DEEPEST + 1) + joints
    looks = retold.looks
    assert retold.text(hard) == told and retold.looks == looks and kept(retold) == 1
    long = piece * (LONGEST + 1)
    assert retold.text(long) == long and retold.looks == looks


def kept(retold: Retelling) -> int:
    return retold.text.cache_info().currsize  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("status", [status for status in Status if status not in ALIVE])
def test_what_the_camera_of_a_simulated_gate_says_is_retold(status: Status) -> None:
    assert CHINESE(detail(status)) != detail(status)


def test_a_photo_that_is_none_is_told_of_in_one_language() -> None:
    with pytest.raises(EdgeError) as refused:
        redrawn(b"<svg/>")
    assert refused.value.render(speaking("zh_CN")).startswith("这张照片 不是")


def test_a_name_is_no_word() -> None:
    assert CHINESE("there is no gate closed") == speaking("zh_CN")("there is no gate {name}").format(name="closed")


def test_what_a_person_has_written_stays_as_it_was() -> None:
    assert detailed(REPORTED, "closed", CHINESE) == "closed"
    assert detailed("DoorFault", "source: relay, detail: the relay does not answer", CHINESE).endswith("继电器没有应答")
    assert str(Phrase("closed")) == "closed"
