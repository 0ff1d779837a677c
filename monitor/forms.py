"""The fields of a form that was sent, whichever way the browser has packed them."""

import io
from typing import Any
from urllib.parse import parse_qsl

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from starlette.requests import Request

FIELDS = 50
"""Most fields of a form."""


def form(request: Request) -> dict[str, str]:
    """The fields; the last one of a name counts."""
    return _unpacked(request)[0]


def upload(request: Request, name: str) -> bytes:
    """The file of a field; nothing when none was chosen."""
    return _unpacked(request)[1].get(name, b"")


def _unpacked(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    if not hasattr(request.state, "form"):
        request.state.form = _parsed(request.headers.get("content-type", ""), request.state.body)
    found: tuple[dict[str, str], dict[str, bytes]] = request.state.form
    return found


def _parsed(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    if not kind.startswith("multipart/form-data"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=FIELDS)), {}
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}

    def field(found: Any) -> None:
        if len(fields) < FIELDS:
            fields[_text(found.field_name)] = _text(found.value)

    def file(found: Any) -> None:
        found.file_object.seek(0)
        files[_text(found.field_name)] = found.file_object.read()
        found.close()

    try:
        parse_form({"Content-Type": kind.encode()}, io.BytesIO(body), field, file)
    except (FormParserError, ValueError):
        return {}, {}
    return fields, files


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
