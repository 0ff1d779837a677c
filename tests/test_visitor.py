"""`edge-gate visitor` as the desk and an inspector use it."""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import cv2
import pytest
import zxingcpp

from edge import bulletin, invitation
from edge.bulletin import Bulletin, Revocations, revocations_topic
from edge.enrolled import Applicant, Bounds, Consent
from edge.errors import EdgeError
from edge.passbook import BOOK, Passbook
from edge.passes import DESK, PRIVATE
from edge.seal import load_key
from edge.site import Site
from edge.terms import Reason
from edge.whitelist import Whitelist
from tests.commands import answer, complaint, run

WINDOW = ["--from", "2096-11-24T09:00+08:00", "--until", "2096-11-24T18:00+08:00"]
INSIDE, BEFORE, AFTER = "2096-11-24T12:00+08:00", "2096-11-24T08:59:59+08:00", "2096-11-24T18:00+08:00"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, tmp_path / "models")


def given(site: Site) -> list[object]:
    return ["--config", site.file, "--credentials", site.secrets]


def invited(site: Site, *more: object) -> Any:
    return answer("visitor", "invite", "--host", "王芳", "--gate", "gate-1", *WINDOW, *more, *given(site))


def revoked(site: Site, jti: str) -> Any:
    """What the command says, which fails since there is nobody to tell of it."""
    done = run("visitor", "revoke", jti, *given(site), "--json")
    assert done.returncode == 1
    return json.loads(done.stdout)


def verdict(site: Site, token: str, at: str = INSIDE, gate: str = "gate-1") -> tuple[bool, str]:
    """What the command is told, without its start-up time."""
    found = invitation.verdict(token, site.config, site.credentials, gate, datetime.fromisoformat(at).timestamp())
    return found.code is None, str(found.why)


def test_a_time_without_an_offset_is_that_of_the_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    window = ["--from", "2096-11-24T09:00", "--until", "2096-11-24T18:00"]
    made = answer("visitor", "invite", "--host", "王芳", "--gate", "gate-1", *window, *given(site))
    assert made["expires"] == "2096-11-24T18:00:00+08:00"
    token = made["token"]
    told = [
        answer("visitor", "verify", "--token", token, "--at", at[:16], *given(site))["code"] for at in (INSIDE, AFTER)
    ]
    assert told == [None, "CredentialExpired"]
    assert "2096-11-24T09:00+08:00" in run("visitor", "list", "--config", site.file, COLUMNS="200").stdout
    far = ["--from", "2096-11-24T09:00", "--until", "9999-12-31T23:00-12:00"]
    why = complaint("visitor", "invite", "--host", "王芳", "--gate", "gate-1", *far, *given(site), status=2)
    assert "must be a time" in why


def test_an_invitation_is_a_code_that_the_gate_takes_within_its_window(site: Site, tmp_path: Path) -> None:
    png, svg = tmp_path / "pass.png", tmp_path / "pass.svg"
    made = invited(site, "--qr", png, "--qr", svg)
    assert set(made) == {"token", "jti", "expires"}
    (code,) = zxingcpp.read_barcodes(cv2.imread(str(png)), formats=zxingcpp.BarcodeFormat.QRCode)
    assert code.text == made["token"] and "<svg" in svg.read_text()
    told = answer("visitor", "verify", *given(site), "--token", made["token"], "--at", INSIDE, "--gate", "gate-1")
    assert told["valid"] is True and told["reason"] == ""
    told = answer("visitor", "verify", *given(site), "--token", made["token"][:-9], "--at", INSIDE)
    assert told["valid"] is False and told["reason"] == "its signature is wrong: it is damaged or forged"
    for at, why in ((BEFORE, "not yet valid"), (AFTER, "expired")):
        valid, reason = verdict(site, made["token"], at)
        assert not valid and why in reason
    assert "another gate" in verdict(site, made["token"], gate="gate-2")[1]
    assert "not a pass" in verdict(site, "")[1]


def test_a_pass_that_was_revoked_is_refused_and_listed_as_such(site: Site) -> None:
    made = invited(site)
    told = revoked(site, made["jti"])
    assert (told["jti"], told["template_destroyed"], told["announced"]) == (made["jti"], False, False)
    assert told["known"] and "refused" in told["why"], "without a broker only this gate knows"
    assert verdict(site, made["token"]) == (False, "it was revoked")
    (listed,) = answer("visitor", "list", "--config", site.file)["passes"]
    assert (listed["id"], listed["host"], listed["revoked"], listed["used"]) == (made["jti"], "王芳", True, 0)


def test_a_pass_that_this_gate_has_not_seen_is_revoked_and_called_so(site: Site) -> None:
    told = revoked(site, "nosuch")
    assert (told["known"], Passbook(site.config.state / BOOK).revoked("nosuch")) == (False, True)
    done = run("visitor", "revoke", "nosuch", *given(site))
    assert done.returncode == 1, "no other gate was told"
    assert "has not seen a pass nosuch" in done.stdout and "other gates were not told" in done.stdout


def test_a_pass_of_which_nothing_is_known_here_stays_revoked_whenever_its_window_is(site: Site) -> None:
    made = invited(site)
    (site.config.state / BOOK).unlink()
    invitation.end(made["jti"], site.config, site.credentials)
    book = Passbook(site.config.state / BOOK)
    book.forget(datetime.fromisoformat(INSIDE).timestamp())
    assert verdict(site, made["token"]) == (False, "it was revoked")
    key = load_key(site.credentials.path(PRIVATE))
    place = site.config.gate.site
    told = bulletin.sign(Revocations(place, {id_: int(until) for id_, until in book.revocations().items()}), key)
    assert Bulletin(site.config, site.credentials).read(revocations_topic(place, DESK), told), "other gates take it"


def test_a_face_pass_of_another_issuer_is_one_that_was_seen_also_when_it_is_revoked_again(site: Site) -> None:
    people = Whitelist.of(site.config, site.credentials, write=True)
    consent = Consent("A-1", "visit", date(2099, 1, 1))
    bound = people.admit_faceless(Applicant("Bob", consent, bounds=Bounds(with_pass=True)), "zoo").id
    told = [revoked(site, bound) for _ in range(2)]
    assert [(each["known"], each["template_destroyed"]) for each in told] == [(True, True), (True, False)]
    staff = people.admit_faceless(Applicant("Ann", consent), "zoo")
    told = [revoked(site, staff.id)]
    assert [(each["known"], each["template_destroyed"]) for each in told] == [(False, False)]
    assert people.person(staff.id, date.today()) == staff, "whoever is enrolled without a pass keeps their record"


def test_a_use_is_known_to_whoever_asks_again(site: Site) -> None:
    wish = invitation.Wish("A", ["gate-1"], 1_000, 2_000)
    made = invitation.invite(wish, site.config, site.credentials)
    Passbook(site.config.state / BOOK).spend(made.jti, 2_000)
    found = invitation.verdict(made.token, site.config, site.credentials, "", 1_500)
    assert (found.code, str(found.why)) == (Reason.PASS_USED, "it has been used 1 times of 1")


@pytest.mark.parametrize(
    ("gates", "until", "staff", "why"),
    [
        (["a", "b"], 2_000, "", "a pass names one gate"),
        (["*"], 2_000, "", "a pass names one gate"),
        (["Lobby"], 2_000, "", "Lobby is no name of a gate"),
        (["a"], 1_000, "", "would end before it begins"),
        (["a"], 2_000, "ab23cd45", "no gate would take this pass: a staff pass must rotate"),
        (["a"], 10**9, "", "valid for longer than its issuer may say"),
    ],
)
def test_what_cannot_be_invited_says_why(site: Site, gates: list[str], until: float, staff: str, why: str) -> None:
    with pytest.raises(EdgeError, match=re.escape(why)):
        invitation.invite(invitation.Wish("A", gates, 1_000, until, staff=staff), site.config, site.credentials)
    assert invitation.issued(site.config) == []


def test_a_wrong_call_says_why(site: Site, tmp_path: Path) -> None:
    call = ["visitor", "invite", "--host", "A", *WINDOW, *given(site), "--gate", "a"]
    assert "must be a time" in complaint(*call, "--from", "soon", status=2)
    assert "names its host" in complaint(*call, "--host", "")
    past = ["--from", "2020-11-24T09:00", "--until", "2020-11-24T18:00"]
    assert "--until must lie in the future" in complaint(*call, *past)
    with pytest.raises(EdgeError, match="is neither"):
        invitation.draw("token", tmp_path / "a.jpg")


def test_a_key_that_is_lost_or_cannot_be_made_is_told(site: Site, tmp_path: Path) -> None:
    call = ["visitor", "invite", "--host", "x", "--gate", "gate-1", *WINDOW, "--config", site.file, "--credentials"]
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / PRIVATE).symlink_to(tmp_path / "not mounted")
    assert complaint(*call, tmp_path / "lost").startswith(f"no key at {tmp_path}/lost/{PRIVATE}: No such file")
    (tmp_path / "file").touch()
    assert "cannot be written: Not a directory" in complaint(*call, tmp_path / "file" / "credentials")


def test_people_get_a_code_for_their_terminal_in_their_language(site: Site) -> None:
    call = ["visitor", "invite", "--host", "A", "--gate", "a", "--gate", "b", "--multi-gate", *WINDOW, *given(site)]
    done = run(*call, EDGE_GATE_LANGUAGE="zh_CN")
    assert done.returncode == 0 and "█" in done.stdout and "a, b" in done.stdout
    token = done.stdout.split()[-1]
    assert [verdict(site, token, gate=gate)[0] for gate in ("a", "b", "c")] == [True, True, False]


def test_a_staff_pass_that_needs_a_pin_lasts_and_is_refused_while_its_person_has_none(site: Site) -> None:
    enrolled = answer(
        "enroll", "李雷", "--without-face", "--consent", "form 7", "--purpose", "staff", "--retain-until", "2099-12-31",
        *given(site),
    )  # fmt: skip
    person = enrolled["id"]
    staff = ["--staff", person, "--uses", "0"]
    assert "a staff pass must rotate" in complaint(
        "visitor", "invite", "--host", "A", "--gate", "gate-1", *WINDOW, *staff, *given(site)
    )
    token = invited(site, *staff, "--pin")["token"]
    assert "knows none of its person" in verdict(site, token)[1]
    told = run("people", "pin", person, "--json", *given(site), stdin="258013\n")
    assert '"has_pin":true' in told.stdout and "258013" not in told.stdout + told.stderr
    assert verdict(site, token) == (True, "")
    assert answer("people", "show", person, *given(site))["pin"] is True
    assert answer("people", "pin", person, "--remove", *given(site))["has_pin"] is False
    assert "knows none of its person" in verdict(site, token)[1]


@pytest.mark.parametrize(
    ("typed", "why"),
    [("1234\n", "tried first"), ("12x4\n", "4 to 8 digits"), ("", "4 to 8 digits"), ("2580\n2581\n", "two digits")],
)
def test_a_pin_that_is_none_is_refused_before_anything_is_kept(site: Site, typed: str, why: str) -> None:
    enrolled = answer(
        "enroll", "A", "--without-face", "--consent", "f", "--purpose", "p", "--retain-until", "2099-12-31",
        *given(site),
    )  # fmt: skip
    said = run("people", "pin", enrolled["id"], "--duress", *given(site), stdin=typed)
    assert said.returncode == 1 and why in said.stderr
    assert answer("people", "show", enrolled["id"], *given(site))["pin"] is False
    drawn = answer("people", "pin", enrolled["id"], "--draw", "--duress", *given(site))
    assert drawn["has_duress"] and len(drawn["pin"]) == len(drawn["duress"]) == 6


def test_a_pass_is_shown_whatever_becomes_of_its_picture_which_is_its_owners_alone(site: Site, tmp_path: Path) -> None:
    invite = ("visitor", "invite", "--host", "a", "--gate", "gate-1", *WINDOW, *given(site))
    for bad in (tmp_path / "pass.jpg", tmp_path / "nowhere" / "pass.png", tmp_path):
        assert "pass" not in run(*invite, "--qr", bad).stdout
    assert answer("visitor", "list", "--config", site.file) == {"passes": []}, "nothing was made"
    made = invited(site, "--qr", tmp_path / "pass.png")
    assert (tmp_path / "pass.png").stat().st_mode & 0o777 == 0o600
    full = tmp_path / "full.png"
    full.symlink_to("/dev/full")
    done = run(*invite, "--qr", full, "--json")
    assert done.returncode == 1 and "No space left" in json.loads(done.stdout)["undrawn"][0]
    assert verdict(site, json.loads(done.stdout)["token"])[0] and verdict(site, made["token"])[0]
