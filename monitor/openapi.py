"""The OpenAPI 3.1 document of the room's interface; served at `/openapi.json`."""

from importlib.metadata import version
from typing import Any

import msgspec

from monitor.accounts import Role
from monitor.api import MOST, STATES, TIME, Credentials, Doing
from monitor.commands import Order
from monitor.gates import Gate
from monitor.history import Found
from monitor.hub import News
from monitor.maintenance import SEVERITIES, SOURCES
from monitor.rounds import Due
from monitor.terms import Action, Alarm, Check, Key, Priority, Stage, State
from monitor.upkeep import Walk

Json = dict[str, Any]
ANY = {"description": "any JSON value"}
HIDDEN = ("key", "good_since", "cycled")
NUMBER = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "edge-gate monitor", "version": version("edge-gate"), "description": ABOUT},
        "security": [{"session": []}, {"password": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "edge-gate-room"},
                "password": {"type": "http", "scheme": "basic"},
            },
            "schemas": _schemas(),
        },
    }


ABOUT = (
    "What the monitoring room knows. Programs send name and password with every request (HTTP Basic) or begin a "
    "session; what changes something within a session carries its token in the header X-CSRF-Token, and otherwise "
    "is JSON. Times are UTC seconds, within events RFC 3339. Problems are told in the language of Accept-Language, "
    "English or Chinese."
)
NEWS = (
    "Server-sent events, each with one line of data: `events`, a JSON list of `News`; and the names of what has "
    "changed and is to be fetched anew: `alarms`, `gates`, `link`, `notices`, `sites`; `resync` when everything is, "
    "after more than could be told; `alive` when nothing has happened for a while. It ends with the session."
)
STEP = (
    "A step of a person. Assign, mend, shelve and note need their text; 409 says why the alarm does not allow the step"
)


def _paths() -> Json:
    return {
        "/healthz": {
            "get": _operation("Whether events arrive and can be recorded", "Health", {503: "Health"}, public=True),
        },
        "/api/alarms": {
            "get": _operation("Alarms, the most urgent first", "Alarms", {400: "Problem"}, [
                _query("state", {"type": "string", "enum": STATES, "default": "open"},
                       "`active`: the fault is there now; `open`: not closed; or one state"),
                _gate(), _limit(),
            ]),
        },
        "/api/alarms/{number}": {
            "get": _operation("An alarm with its steps", "AlarmWithSteps", {404: "Problem"}, [NUMBER]),
        },
        "/api/alarms/{number}/{action}": {
            "post": _operation(STEP, "Alarm",
                               {400: "Problem", 404: "Problem", 409: "Problem", 413: "Problem"}, [
                NUMBER,
                {"name": "action", "in": "path", "required": True, "schema": {"type": "string", "enum": [*Action]}},
            ], body="Doing"),
        },
        "/metrics": {"get": _metrics()},
        "/stream": {"get": _stream()},
        "/report": {"post": _report()},
        "/api/plans": {
            "get": _operation("Inspections, drills and patrols: what is due, done and missed", "Plans", {}),
        },
        "/api/gates": {"get": _operation("All gates, as they are", "Gates", {})},
        "/api/gates/{site}/{gate}/commands": {
            "post": _operation("Command a gate and wait for its answer; 409 says why it did not accept", "Outcome",
                               {400: "Problem", 404: "Problem", 409: "Outcome", 413: "Problem"},
                               [_path("site"), _path("gate")], body="Order"),
        },
        "/api/events": {
            "get": _operation("Events in the order of recording; go on with `next`", "Events", {400: "Problem"}, [
                _query("since", {"type": "string", "default": "0", "pattern": SINCE},
                       "Recorded after this position, or happened from this time on"),
                _gate(),
                _query("type", {"type": "string"}, "Only of this CloudEvents type"),
                _query("severity", {"type": "integer", "minimum": 0, "maximum": MOST}, "At least so severe"), _limit(),
            ]),
        },
        "/api/session": {
            "post": _operation("Log in", "Session", {400: "Problem", 413: "Problem"}, body="Credentials", public=True,
                               unauthorized=True),
            "delete": _operation("Log out", "", {403: "Problem", 413: "Problem"}),
        },
    }  # fmt: skip


TEXT = {"schema": {"type": "string"}}


def _metrics() -> Json:
    found = _operation("What room and gates measure, for Prometheus", "", {})
    answers = {code: answer for code, answer in found["responses"].items() if code != "204"}
    measured = {"description": "The metrics, as text", "content": {"text/plain": TEXT}}
    return {**found, "responses": {"200": measured, **answers}}


def _report() -> Json:
    """The form of the page, for who has a session: everything else is refused before its body is read."""
    fields: Json = {name: {"type": "string"} for name in ("csrf", "text", "gate", "priority", "source")}
    fields["priority"]["enum"], fields["source"]["enum"] = [*SEVERITIES], [*SOURCES.values()]
    fields["photo"] = {"type": "string", "contentMediaType": "image/*", "description": "at most 12 MB"}
    form = {"type": "object", "properties": fields, "required": ["csrf", "text"]}
    page = {"content": {"text/html": TEXT}}
    return {
        "summary": "Report a fault, with a photo; leads to the ticket, or to the login",
        "security": [{"session": []}],
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": {
            "303": {"description": "To the ticket or the login"},
            "400": {"description": "The form again, with what is wrong", **page},
            "401": {"description": "Wrong password", "content": {"application/json": {"schema": _ref("Problem")}}},
            "403": {"description": "The role, or the session's token, does not allow it", **page},
            "413": {"description": "Too large", "content": {"application/json": {"schema": _ref("Problem")}}},
            "503": {"description": "The database cannot be used", **page},
        },
    }


SINCE = f"^([0-9]{{1,19}}|{TIME})$"


def _stream() -> Json:
    """Server-sent events of one line of data each."""
    found = _operation("What has just happened, for ever", "", {})
    answers = {code: answer for code, answer in found["responses"].items() if code != "204"}
    told = {"description": NEWS, "content": {"text/event-stream": TEXT}}
    return {**found, "responses": {"200": told, **answers}}


def _operation(
    summary: str, schema: str, others: dict[int, str], parameters: list[Json] | None = None, body: str = "",
    public: bool = False, unauthorized: bool = False,
) -> Json:  # fmt: skip
    refused: dict[int, str] = {} if public and not unauthorized else {401: "Problem"}
    refused |= {403: "Problem"} if body and not public else {}
    answers = {**({200: schema} if schema else {}), 503: "Problem", **refused, **others}
    found: Json = {
        "summary": summary,
        "responses": {str(code): _answer(name) for code, name in sorted(answers.items())},
    }
    if not schema:
        found["responses"] = {"204": {"description": "Done"}, **found["responses"]}
    if parameters:
        found["parameters"] = parameters
    if body:
        content = {"application/json": {"schema": _ref(body)}}
        found["requestBody"] = {"content": content, "required": body in ("Credentials", "Order")}
    if public:
        found["security"] = []
    return found


def _answer(schema: str) -> Json:
    return {"description": schema, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _gate() -> Json:
    text = "Only of this gate, as SITE/GATE, or by a name that is meant at every site"
    return _query("gate", {"type": "string"}, text)


def _limit() -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": MOST, "default": 200}
    return _query("limit", schema, "At most so many")


def _schemas() -> Json:
    made: Json = msgspec.json.schema_components(
        [Gate, Found, News, Due, Walk, Credentials, Doing, Order],
        schema_hook=lambda kind: dict(ANY),
        ref_template="#/components/schemas/{name}",
    )[1]
    texts = {name: {"type": "string"} for name in Key._fields}
    alarm = _object({**_alarm_fields(), **texts, "due": {"type": ["number", "null"]}})
    alarm["properties"] |= {name: {"enum": [*kind]} for name, kind in _WORDS.items()}
    step = {"number": {"type": "integer"}, "stage": {"enum": [*Stage]}, "at": {"type": "number"}}
    steps = {"type": "array", "items": _object({**step, "who": {"type": "string"}, "text": {"type": "string"}})}
    with_steps = {
        **alarm,
        "properties": {**alarm["properties"], "steps": steps},
        "required": [*alarm["required"], "steps"],
    }
    return {
        **made,
        "Alarm": alarm,
        "AlarmWithSteps": with_steps,
        "Alarms": _object({"alarms": {"type": "array", "items": _ref("Alarm")}}),
        "Gates": _object({"gates": {"type": "array", "items": _ref("Gate")}}),
        "Events": _object({"events": {"type": "array", "items": _ref("Found")}, "next": {"type": "integer"}}),
        "Outcome": _object(
            {name: {"type": "string"} for name in ("site", "gate", "why", "id")}
            | {"accepted": {"type": "boolean"}}
            | {"refused": {"type": "object", "additionalProperties": {"type": "string"}}}
        ),
        "Plans": _object(
            {"plans": {"type": "array", "items": _ref("Due")}, "patrols": {"type": "array", "items": _ref("Walk")}}
        ),
        "Session": _object({"name": {"type": "string"}, "role": {"enum": [*Role]}, "csrf": {"type": "string"}}),
        "Health": _object({name: {"type": "string"} for name in ("status", "broker", "database")}),
        "Problem": _object({name: {"type": "string"} for name in ("error", "hint")}),
    }


_WORDS: dict[str, Any] = {"state": State, "priority": Priority, "check": Check}


def _alarm_fields() -> Json:
    schema = msgspec.json.schema_components([Alarm])[1]["Alarm"]["properties"]
    found: Json = {name: value for name, value in schema.items() if name not in HIDDEN}
    for value in found.values():
        value.pop("default", None)
    return found | {name: {} for name in _WORDS}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}
