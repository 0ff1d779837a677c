"""The interface for programs is as its document says, also under a fuzzer that is driven by that: whatever comes."""

import re
from typing import Any

import pytest
import schemathesis
from httpx import stream
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from monitor import api, commands, maintenance, metrics
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.limits import Rules
from monitor.openapi import document
from monitor.terms import Check, Key, Raised
from tests.room.conftest import PASSWORD, Monitor
from tests.room.test_retention import dealt_with

on_sqlite = pytest.mark.parametrize("monitor", ["sqlite"], indirect=True)
SCHEMA = schemathesis.openapi.from_dict(document()).exclude(path="/stream")  # it does not end
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.real
@on_sqlite
def test_the_stream_is_as_its_document_says(monitor: Monitor) -> None:
    """Before the others, after which nobody may log in for a minute."""
    answers = document()["paths"]["/stream"]["get"]["responses"]
    for who, status in ((("li", PASSWORD), "200"), (("li", "wrong"), "401"), (None, "401")):
        with stream("GET", f"{monitor.url}/stream", auth=who, timeout=60) as answer:
            assert str(answer.status_code) == status
            assert answer.headers["content-type"].partition(";")[0] in answers[status]["content"]


@pytest.mark.real
@pytest.mark.slow
@on_sqlite
@SCHEMA.parametrize()
@settings(
    max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_the_interface_is_as_its_document_says(case: Any, monitor: Monitor) -> None:
    logs_in = case.path == "/api/session" and case.method == "POST"
    auth = None if logs_in else ("chief", PASSWORD)
    case.call_and_validate(base_url=monitor.url, auth=auth, checks=CHECKS)


def test_the_document_has_every_address_for_programs_with_its_methods() -> None:
    rooms = [route for module in (api, commands, maintenance, metrics) for route in module.ROUTES]
    programs = {"/healthz", "/metrics"}
    served = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in rooms if route.path.startswith("/api/") or route.path in programs
        for method in (route.methods or set()) - {"HEAD"}
    }  # fmt: skip
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described - served == {("/stream", "get"), ("/report", "post")} and served < described


def test_every_operation_says_what_happens_without_a_database() -> None:
    operations = [each for methods in document()["paths"].values() for each in methods.values()]
    assert all("503" in each["responses"] for each in operations)


def test_alarms_that_are_closed_are_the_last_of_the_gate_that_is_asked_for(database: Database) -> None:
    casebook, gates = Casebook(database, Rules()), ("lobby", "garden", "garden", "garden")
    for number, gate in enumerate(gates, 1):
        casebook.hear([Raised(Key("hq", gate, f"door/{number}", "DoorTamper"), 900, Check.LOOK, latched=True)])
        dealt_with(casebook, number, "li", "li", "wang", "li")
    for at in ("lobby", "hq/lobby"):
        assert [alarm.number for alarm in casebook.closed(2, at=at)] == [1]
    assert [alarm.number for alarm in casebook.closed(2)] == [4, 3] and casebook.closed(2, at="annex/lobby") == []
