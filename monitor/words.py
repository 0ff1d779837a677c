"""What the page calls things: message ids for the kinds, states and steps, translated where they are shown."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from edge.i18n import N_
from edge.terms import Moment
from monitor.terms import INSPECTED, MISSED, OVERDUE, REPORTED, Action, Key, Priority, Stage, State

Names = Mapping[str, str]
"""What people call gates (`SITE/GATE`), doors and cameras."""
NAMELESS: Names = MappingProxyType({})

KINDS = {
    "GateStarted": N_("Gate started"),
    "EpochStarted": N_("Event log begun anew"),
    "EventsLost": N_("Events lost"),
    "AccessGranted": N_("Admitted"),
    "AccessDenied": N_("Refused"),
    "AccessTaken": N_("Passed"),
    "AccessNotTaken": N_("Admitted, did not pass"),
    "PresentationAttack": N_("Picture or mask at the camera"),
    "Duress": N_("Duress"),
    "RepeatedRefusals": N_("Refused again and again"),
    "AntiPassbackViolation": N_("Came in twice"),
    "TailgatingSuspected": N_("Tailgating suspected"),
    "CommandAnswered": N_("Command answered"),
    "DoorModeChanged": N_("Door mode changed"),
    "DoorPhysicalStateChanged": N_("Door opened or closed"),
    "RequestToExit": N_("Exit button"),
    "DoorForcedOpen": N_("Door forced open"),
    "DoorOpenTooLong": N_("Door open too long"),
    "DoorTamper": N_("Housing opened"),
    "FireReleased": N_("Fire: door released"),
    "DoorFault": N_("Door fault"),
    "CameraFault": N_("Camera fault"),
    "CameraClockFault": N_("Camera's clock is wrong"),
    "CameraPictured": N_("Picture of a camera"),
    "BrokerFault": N_("Link to the room was lost"),
    "WhitelistChanged": N_("Whitelist changed"),
    "WhitelistFault": N_("Whitelist unusable"),
    "StorageFault": N_("Event log fault"),
    "ThresholdChanged": N_("Threshold changed"),
    "ClockFault": N_("Clock not synchronised"),
    "ClockStepped": N_("Clock was set"),
    "CommandsRefused": N_("Commands were refused"),
    "ReaderFault": N_("Keypad or card reader silent"),
    "ReaderIgnored": N_("Messages of a keypad or card reader were refused"),
    "TemplateDestroyed": N_("Visitor's template destroyed"),
    "TemplateRefreshed": N_("Template refreshed"),
    "DrillReport": N_("Drill"),
    "DrillFault": N_("Drill missed or failed"),
    "room.gap": N_("Events are missing"),
    "room.dropped": N_("Events were dropped"),
    "room.break": N_("Event chain broken"),
    "room.conflict": N_("Two events under one number"),
    "room.commitment": N_("Personal field was changed"),
    "room.epoch": N_("Event log begun anew"),
    "room.GateOffline": N_("Gate offline"),
    "room.AlarmFlood": N_("Flood of alarms"),
    "room.DeliveryFailed": N_("Notices do not arrive"),
    "room.Reported": N_("Reported fault"),
    "room.Inspected": N_("Found on inspection"),
    "room.Overdue": N_("Overdue"),
    "room.CheckpointMissed": N_("Checkpoint missed"),
    "room.EventsAwaited": N_("Events have not arrived"),
    "room.Unreadable": N_("Unreadable messages"),
    "room.StepsBroken": N_("Record of steps broken"),
}
STATES = {
    State.ACTIVE: N_("active"),
    State.ACKNOWLEDGED: N_("acknowledged, active"),
    State.CLEARED: N_("over, not acknowledged"),
    State.AWAITING_CHECK: N_("over, awaits its check"),
    State.CHECKED: N_("checked, may be closed"),
    State.CLOSED: N_("closed"),
}
PRIORITIES = {
    Priority.URGENT: N_("urgent"),
    Priority.HIGH: N_("high"),
    Priority.MEDIUM: N_("medium"),
    Priority.LOW: N_("low"),
}
ACTIONS = {
    Action.ACKNOWLEDGE: N_("Acknowledge"),
    Action.ASSIGN: N_("Assign"),
    Action.MEND: N_("Mended"),
    Action.LOOK: N_("Second look"),
    Action.CLOSE: N_("Close"),
    Action.SHELVE: N_("Shelve"),
    Action.UNSHELVE: N_("Take back"),
    Action.NOTE: N_("Note"),
}
STAGES = {
    Stage.RAISED: N_("raised"),
    Stage.REALARMED: N_("raised again"),
    Stage.REOPENED: N_("reopened"),
    Stage.CLEARED: N_("over"),
    Stage.ACKNOWLEDGED: N_("acknowledged"),
    Stage.ASSIGNED: N_("assigned to"),
    Stage.MENDED: N_("mended"),
    Stage.CHECKED: N_("checked"),
    Stage.CLOSED: N_("closed"),
    Stage.SHELVED: N_("shelved"),
    Stage.UNSHELVED: N_("taken from the shelf"),
    Stage.ESCALATED: N_("overdue, told to level"),
    Stage.NOTED: N_("note"),
    Stage.PICTURED: N_("picture"),
}
MOMENTS: Names = {
    Moment.BEFORE: N_("Before"),
    Moment.AFTER: N_("After"),
    Moment.MENDED: N_("When it was over"),
}
STATUSES = {
    "online": N_("online"), "offline": N_("offline"), "unknown": N_("unknown"),
    "Locked": N_("locked"), "Unlocked": N_("unlocked"), "Accessed": N_("released"), "Blocked": N_("blocked"),
    "LockedDown": N_("locked down"), "LockedOpen": N_("locked open"),
    "Open": N_("open"), "Closed": N_("shut"), "Unknown": N_("unknown"),
    "streaming": N_("streaming"), "changed": N_("streaming"), "connected": N_("connected"),
    "connecting": N_("connecting"), "unauthorized": N_("password refused"), "not_found": N_("not found"),
    "refused": N_("refused"), "unreachable": N_("unreachable"), "stalled": N_("stalled"), "ended": N_("ended"),
    "broken": N_("undecodable"), "silent": N_("silent"), "ok": N_("in order"), "slow": N_("slow"), "full": N_("full"),
    "too_dark": N_("too dark"), "too_bright": N_("too bright"), "blurred": N_("blurred"), "covered": N_("covered"),
    "frozen": N_("frozen"), "moved": N_("moved"), "wrong_size": N_("wrong size"),
    "other_pack": N_("another model pack"),
    "failed": N_("failed"), "available": N_("available"), "unavailable": N_("unavailable"),
}  # fmt: skip
BEGINNINGS = {"first start": N_("first start")}
DEGRADED = {
    "camera_lost": N_("camera lost"), "camera_clock": N_("a camera's clock is wrong"),
    "vision_failed": N_("recognition failed"),
    "liveness_unavailable": N_("no liveness check"), "clock_untrusted": N_("clock untrusted"),
    "whitelist_unusable": N_("whitelist unusable"), "whitelist_stale": N_("whitelist expired"),
    "broker_lost": N_("link to the room lost"),
    "inputs_chatter": N_("an input does not settle"), "reader_silent": N_("keypad or card reader silent"),
    "storage_slow": N_("event log slow or full"), "orders_unreadable": N_("orders against doors not known"),
    "relay_failed": N_("relay failed"),
    "inputs_failed": N_("door inputs failed"), "tamper": N_("housing opened"), "fire": N_("fire"),
}  # fmt: skip
REASONS = {
    "CredentialNotFound": N_("nobody enrolled"), "PresentationAttack": N_("picture or mask"),
    "LivenessUnsure": N_("liveness unsure"), "LivenessUnavailable": N_("no liveness check"),
    "WhitelistUnavailable": N_("no whitelist"), "Stale": N_("too old"), "NotRecorded": N_("not recorded"),
    "DoorUnavailable": N_("door unavailable"), "CredentialExpired": N_("expired"), "InvalidPIN": N_("wrong PIN"),
    "NotPermittedAtThisTime": N_("not at this time"), "Unauthorized": N_("not at this door"),
    "CredentialNotActive": N_("not valid yet"), "CredentialNotEnabled": N_("not enabled"),
    "AntiPassbackViolation": N_("came in twice"), "Interlocked": N_("interlock"),
    "SecondFactorMissing": N_("second factor missing"), "SecondPersonMissing": N_("second person missing"),
    "ClockUntrusted": N_("clock untrusted"), "PassInvalid": N_("invalid pass"), "PassUsed": N_("pass used up"),
    "NotAlone": N_("not alone"),
}  # fmt: skip
PARTS = {"reader": N_("reader"), "clock": N_("clock"), "commands": N_("commands"),
         "door": N_("door"), "camera": N_("camera"), "gate": N_("gate"), "broker": N_("broker"),
         "whitelist": N_("whitelist"), "storage": N_("event log"), "outbox": N_("event log"),
         "level": N_("notices to"), "inspection": N_("inspection"), "drill": N_("drill"), "patrol": N_("patrol"),
         "report": N_("reported"), "machine": N_("by the machine")}  # fmt: skip
ROLES = {"viewer": N_("viewer"), "guard": N_("guard"), "operator": N_("operator"), "supervisor": N_("supervisor")}
DEEDS = {"login": N_("logged in"), "locked": N_("account locked"), "wrong password": N_("wrong password"),
         "history": N_("looked at history"), "export": N_("exported history"), "events": N_("read events"),
         "gate page": N_("looked at a gate"), "test notice": N_("sent a test notice"),
         "deliveries": N_("looked at notices"), "command": N_("commanded"),
         "audit": N_("looked at the audit"), "live look": N_("looked through a camera"),
         "photo": N_("looked at a photo"), "picture": N_("looked at a picture of a camera's fault"),
         "passkey added": N_("added a passkey"), "passkey removed": N_("removed a passkey"),
         "account added": N_("added an account"), "account changed": N_("changed an account"),
         "account removed": N_("removed an account"),
         "patrols": N_("looked at patrols"), "gap accepted": N_("accepted a gap among events")}  # fmt: skip
LEVELS = {"guard_post": N_("Guard post"), "security_company": N_("Security company"),
          "property_office": N_("Property office"), "police_liaison": N_("Police liaison"),
          "duty_leader": N_("Duty leader")}  # fmt: skip
CAUSES = {"reported": N_("told at once"), "unacknowledged": N_("not acknowledged for {seconds} s"),
          "unanswered": N_("nobody has acknowledged it"), "unclosed": N_("not closed in time"),
          "closed": N_("closed"), "test": N_("test")}  # fmt: skip
DELIVERIES = {"waiting": N_("under way"), "delivered": N_("delivered"), "given_up": N_("given up"),
              "mqtt": "MQTT", "webhook": "webhook", "email": N_("email")}  # fmt: skip
COMMANDS = {"open": N_("Open once"), "unlock": N_("Unlock"), "lock": N_("Lock"), "block": N_("Block"),
            "unblock": N_("Unblock"), "lock_down": N_("Lock down"), "release": N_("End lockdown"),
            "acknowledge": N_("Alarms seen"), "forgive": N_("Forgive")}  # fmt: skip
"""Beside the others, since an alarm is acknowledged as well."""
EVERY = (KINDS, STATES, PRIORITIES, ACTIONS, STATUSES, DEGRADED, BEGINNINGS, PARTS, ROLES, DEEDS, LEVELS, CAUSES,
         DELIVERIES)  # fmt: skip
"""Lists of which no two have another word for one name. Those that do (STAGES, MOMENTS, REASONS) are asked for."""


DETAILS = {"status": N_("status"), "state": N_("state"), "detail": N_("detail"), "source": N_("source"),
           "undelivered": N_("undelivered"), "off_s": N_("seconds ahead"), "before": N_("log before"),
           "recorded": N_("recorded up to"), "camera": N_("camera"), "person": N_("person"), "reason": N_("reason"),
           "attempts": N_("attempts"), "others": N_("others who are not heard"),
           "area": N_("area"), "hard": N_("anti-passback"), "open_s": N_("seconds open"),
           "granted": N_("people admitted"), "passed": N_("people who went through"),
           "first": N_("from number"), "hash": N_("hash")}  # fmt: skip
SOURCES = {"relay": N_("relay"), "inputs": N_("door inputs"), "supply": N_("supply of the lock"),
           "orders": N_("orders against the door"),
           "feedback": N_("feedback of the relay or lock"), "contact_chatter": N_("door contact does not settle"),
           "exit_button_chatter": N_("exit button does not settle"),
           "tamper_chatter": N_("tamper contact does not settle"),
           "fire_chatter": N_("fire input does not settle"), "supply_chatter": N_("supply input does not settle"),
           "feedback_chatter": N_("feedback contact does not settle")}  # fmt: skip
HARDNESS = {"True": N_("hard, so it was refused"), "False": N_("soft, so it is only reported")}
FACTORS = {"face": N_("face"), "card": N_("card"), "pass": N_("pass"), "pin": "PIN",
           "head_turn": N_("head turn")}  # fmt: skip
OWN_LISTS: Mapping[str, Names] = {"source": SOURCES, "hard": HARDNESS, "reason": REASONS, "moment": MOMENTS,
                                  "kind": {**COMMANDS, "lock_open": N_("Lock open")}, "factors": FACTORS}  # fmt: skip
"""Of fields whose words are names of their own."""
ANSWERS = {"True": N_("Yes"), "False": N_("No")}
FIELDS = {**DETAILS, "boot": N_("boot"), "pack": N_("model pack"), "liveness": N_("liveness check"),
          "digest": N_("digest"), "moment": N_("moment"), "revision": N_("revision"), "people": N_("people"),
          "threshold": N_("threshold"), "effective_fpir": N_("false-positive rate"), "moved": N_("moved by"),
          "calibration": N_("calibration"), "previous": N_("before"), "by_s": N_("seconds set by"),
          "count": N_("how many"), "why": N_("why"), "id": N_("command number"), "score": N_("score"),
          "door": N_("door"), "recognised": N_("recognised"), "decision_ms": N_("milliseconds to decide"),
          "credential": N_("pass"), "factors": N_("shown"), "into": N_("into"), "kind": N_("command"),
          "operator": N_("operator"), "accepted": N_("accepted"), "by": N_("by"), "mode": N_("mode"),
          "cause": N_("cause")}  # fmt: skip
"""Of every event. A text is looked through for those of alarms alone: such words stand in texts of their own."""
FIELD = re.compile(rf"(?:^|, )({'|'.join(DETAILS)}): ")
OWN_WORDS = (REPORTED, INSPECTED, OVERDUE, MISSED)
"""Kinds of alarms whose detail is what a person has written, or a name that the site has given."""


def detailed(kind: str, text: str, translate: Callable[[str], str]) -> str:
    """What a gate or the room says of a fault, with its fields and their words as the reader knows them."""
    if kind in OWN_WORDS:
        return text
    head, *fields = FIELD.split(text)
    pairs = zip(fields[::2], fields[1::2], strict=True)
    words = [(name, word(value, OWN_LISTS.get(name, NAMELESS))) for name, value in pairs]
    told = [f"{translate(DETAILS[name])}: {translate(said) if said else ''}" for name, said in words]
    return ", ".join([*([translate(head)] if head else []), *told])


def fielded(pairs: Iterable[tuple[str, object]], translate: Callable[[str], str]) -> str:
    """The fields of an event with their values, as the reader knows them."""
    return ", ".join(f"{translate(word(name, FIELDS))}: {_value(name, value, translate)}" for name, value in pairs)


def _value(name: str, value: object, translate: Callable[[str], str]) -> str:
    if isinstance(value, list):
        return " + ".join(_value(name, each, translate) for each in value)
    said = word(str(value), OWN_LISTS.get(name, ANSWERS if isinstance(value, bool) else NAMELESS))
    return translate(said) if said else ""


def word(name: str, own: Names = NAMELESS) -> str:
    """The message id for a name of its `own` list, else of any of EVERY; the name itself when it has no other."""
    return next((str(words[name]) for words in (own, *EVERY) if name in words), name)  # type: ignore[index]


def called(place: str, names: Names) -> str:
    """A gate (`SITE/GATE`) as people call it, else by its own name."""
    return names.get(place) or place.rpartition("/")[2]


def where(subject: str, translate: Callable[[str], str], names: Names = NAMELESS) -> str:
    """A part of a gate in words: `door/main` is `door main`, or what people call it."""
    kind, _, name = subject.partition("/")
    if kind in ("", "report"):
        return ""
    return names.get(name) or f"{translate(word(kind))} {name}".strip()


def place(key: Key, translate: Callable[[str], str], names: Names = NAMELESS) -> str:
    """Where an alarm is: its gate, and the part of it where that is one."""
    gate = f"{key.site}/{key.gate}".strip("/")
    part = "" if key.kind.startswith("room.") and key.gate else spot(key, translate, names)
    return f"{names.get(gate, gate)} {part}".strip()


def spot(key: Key, translate: Callable[[str], str], names: Names = NAMELESS) -> str:
    """Where at its gate an alarm is, and what of that is amiss where it is one of several things."""
    part = where(key.subject, translate, names)
    if not key.source:
        return part
    return translate("{part} ({source})").format(part=part, source=translate(word(key.source, SOURCES)))
