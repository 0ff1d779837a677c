"""The interface for programs under a fuzzer that is driven by its own document: whatever comes."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from monitor.openapi import document
from tests.room.conftest import PASSWORD, Monitor

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.parametrize("monitor", ["sqlite"], indirect=True)]

SCHEMA = schemathesis.openapi.from_dict(document())
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@SCHEMA.parametrize()
@settings(
    max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
def test_the_interface_is_as_its_document_says(case: Any, monitor: Monitor) -> None:
    logs_in = case.path == "/api/session" and case.method == "POST"
    auth = None if logs_in else ("chief", PASSWORD)
    case.call_and_validate(base_url=monitor.url, auth=auth, checks=CHECKS)
