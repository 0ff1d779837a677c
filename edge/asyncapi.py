"""The contract with the monitoring room: an AsyncAPI 3.0 document generated from the table of events.

`python -m edge.asyncapi > docs/asyncapi.json` renews it.
"""

import sys
from typing import Any

import msgspec

from edge import __version__
from edge.events import TABLE
from edge.transport import (
    ACK_TYPE,
    COMMAND_TYPE,
    DELIVERY,
    Ack,
    Channel,
    Command,
    Display,
    Envelope,
    Event,
    Presence,
    Row,
    topic,
    type_name,
)  # fmt: skip

Json = dict[str, Any]

CHANNELS = {
    Channel.EVENT: "What happened at a gate; together with `alarm` in one order without gaps.",
    Channel.ALARM: "What somebody should look at; in the same order and hash chain as `event`.",
    Channel.STATE: "How a gate is. The last will is a presence that is `offline`.",
    Channel.HEALTH: "Measurements of a gate, from time to time; they may be lost.",
    Channel.COMMAND: "What an operator asks of a gate. A retained, queued, replayed or foreign one is refused.",
    Channel.DISPLAY: "What a display at a door may show, where it is switched on; repeated every few seconds.",
    Channel.ACK: "What the recorder has committed. Only what is acknowledged here does a gate forget.",
}


OTHERS = {
    Channel.STATE: "Presence",
    Channel.HEALTH: "Health",
    Channel.ACK: "Ack",
    Channel.COMMAND: "Command",
    Channel.DISPLAY: "Display",
}
"""What travels on the channels that carry no events."""


def document() -> Json:
    """The whole document."""
    schemas = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "edge-gate", "version": __version__, "description": "What a gate tells and hears over MQTT."},
        "defaultContentType": "application/json",
        "channels": {channel.value: _channel(channel) for channel in Channel},
        "operations": {channel.value: _operation(channel) for channel in Channel},
        "components": {
            "messages": {kind.__name__: _event(kind, row, schemas) for kind, row in TABLE.items()} | _others(),
            "schemas": {
                name: schema for name, schema in schemas.items() if name not in {kind.__name__ for kind in TABLE}
            },
        },
    }


def _schemas() -> dict[str, Json]:
    """JSON Schemas of the events' fields and of everything that they refer to."""
    kinds = [*TABLE, Envelope, Presence, Ack, Command, Display]
    template = "#/components/schemas/{name}"
    return msgspec.json.schema_components(kinds, schema_hook=_anything, ref_template=template)[1]


def _anything(kind: type) -> Json:
    if kind is object:
        return {"description": "any JSON value"}
    raise TypeError(kind)


def _channel(channel: Channel) -> Json:
    kinds = [kind.__name__ for kind, row in TABLE.items() if row.channel is channel]
    names = kinds or [OTHERS[channel]]
    return {
        "address": topic("{site}", "{gate}", channel),
        "description": CHANNELS[channel],
        "parameters": {"site": {"description": "The site."}, "gate": {"description": "The gate."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operation(channel: Channel) -> Json:
    """As the gate sees it: it sends everything but acknowledgements and commands."""
    delivery = DELIVERY[channel]
    return {
        "action": "receive" if channel in (Channel.ACK, Channel.COMMAND) else "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "bindings": {"mqtt": {"qos": delivery.qos, "retain": delivery.retain, "bindingVersion": "0.2.0"}},
    }


def _event(kind: type[Event], row: Row, schemas: dict[str, Json]) -> Json:
    """One event: the envelope with its type, severity and fields, the personal ones beside their commitments."""
    fields = schemas[kind.__name__]
    plain = {name: schema for name, schema in fields["properties"].items() if name not in ("type", *row.personal)}
    data: Json = {"type": "object", "properties": plain, "required": _required(fields, plain)}
    if row.personal:
        data["properties"] |= {
            "personal": {
                "description": "Personal fields as [salt, value]; erasing one leaves the hash chain valid.",
                "type": "object",
                "properties": {
                    name: {"type": "array", "prefixItems": [{"type": "string"}, fields["properties"][name]]}
                    for name in row.personal
                },
            },
            "commitments": {
                "description": "SHA-256 of the salt and the JSON of the value.",
                "type": "object",
                "properties": {name: {"type": "string"} for name in row.personal},
                "required": list(row.personal),
            },
        }
        data["required"].append("commitments")
    narrowed = {"type": {"const": type_name(kind)}, "severity": {"const": row.severity}, "data": data}
    return {
        "name": type_name(kind),
        "summary": fields.get("description", ""),
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": narrowed}]},
    }


def _required(fields: Json, plain: Json) -> list[str]:
    return [name for name in fields.get("required", []) if name in plain]


def _others() -> dict[str, Json]:
    return {
        "Presence": {"payload": {"$ref": "#/components/schemas/Presence"}},
        "Health": {"payload": {"type": "object"}},
        "Display": {"payload": {"$ref": "#/components/schemas/Display"}},
        "Ack": _signed("Ack", ACK_TYPE),
        "Command": _signed("Command", COMMAND_TYPE),
    }


def _signed(name: str, typ: str) -> Json:
    summary = f"A JWS in compact form (Ed25519, typ {typ}); the schema is that of its claims."
    return {"contentType": "application/jose", "summary": summary, "payload": {"$ref": f"#/components/schemas/{name}"}}


def text() -> str:
    """The document as it is kept in the repository."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
