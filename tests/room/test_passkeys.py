"""Logging in with a passkey, in a real browser with an authenticator of its own."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from monitor.accounts import Accounts, Denied
from monitor.database import Database
from monitor.passkeys import Passkeys
from monitor.settings import load
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, post

KEEPER = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
          "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip


@pytest.fixture(scope="module")
def monitor(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    room = Monitor(tmp_path_factory.mktemp("passkeys"), broker)
    text = room.config.read_text()
    room.config.write_text(text.replace("[web]\n", f'[web]\nurl = "http://localhost:{room.port}"\n'))
    with room:
        yield room


@pytest.mark.real
def test_a_passkey_is_made_logs_in_and_ends_with_the_password_that_it_came_with(
    browser: Browser, monitor: Monitor
) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEEPER})
    page.goto(f"http://localhost:{monitor.port}/login")
    page.get_by_role("button", name="通行密钥").click()
    expect(page.get_by_role("alert")).to_be_visible()  # there is none yet
    page.fill("#name", "zhao")
    page.fill("#password", PASSWORD)
    page.click("button.go")
    page.get_by_role("link", name="zhao").click()
    page.get_by_role("button", name="添加通行密钥").click()
    expect(page.locator(".plain-list li")).to_have_count(1)
    page.get_by_role("button", name="退出").click()
    page.get_by_role("button", name="通行密钥").click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("link", name="zhao")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    with Database(load(monitor.config).database) as database:
        Accounts(database).change("zhao", password=PASSWORD)
    page.get_by_role("button", name="通行密钥").click()
    expect(page.get_by_role("alert")).to_be_visible()


@pytest.mark.real
@pytest.mark.parametrize("sent", ["", "[]", "{}", json.dumps({"response": {"clientDataJSON": "e30"}}), "{" * 5000])
def test_what_is_no_answer_to_what_was_asked_logs_nobody_in(monitor: Monitor, sent: str) -> None:
    assert post(f"{monitor.url}/login/passkey", content=sent).status_code == 401
    assert post(f"{monitor.url}/passkeys", content=sent).status_code == 401


@pytest.mark.parametrize(
    ("url", "offered"),
    [("https://room.example.gov.cn", True), ("http://localhost:8080", True), ("http://room.example.gov.cn", False),
     ("https://192.0.2.1", False), ("", False)],
)  # fmt: skip
def test_passkeys_are_offered_where_browsers_take_them(database: Database, url: str, offered: bool) -> None:
    passkeys = Passkeys(database, Accounts(database), url)
    assert passkeys.offered is offered
    with pytest.raises(Denied):
        passkeys.login("{}", "")
