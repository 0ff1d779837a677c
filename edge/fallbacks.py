"""Degraded modes: what the door does while something is missing, who is told, how it recovers. One table.

docs/degraded.md is made from it, `[degraded]` chooses where there is a choice, and the gate's state says which rows
are in force.
"""

from typing import Literal

from msgspec import Struct

from edge.errors import Phrase


class Mode(Struct, frozen=True):
    """One row. `does` has what the door does by choice; a row without a choice has the one key ""."""

    when: Phrase
    does: dict[str, Phrase]
    told: str
    """The event or alarm, by its class."""
    recovers: Phrase


class DegradedSection(Struct, forbid_unknown_fields=True):
    """What the door does while something is missing, where a site may choose; docs/degraded.md has every row."""

    liveness_unavailable: Literal["second_factor", "accept"] = "second_factor"
    """What a face alone is worth with a pack that has no liveness networks. `accept` lets a photograph in."""
    clock_untrusted: Literal["refuse", "accept"] = "refuse"
    """What schedules, validity and the windows of passes mean while the clock is not synchronised."""
    whitelist_stale: Literal["refuse", "accept"] = "refuse"
    """What a desk's list is worth that has not been renewed in time (`desk.valid_s`): `accept` goes on with it."""
    storage_slow: Literal["accept", "refuse"] = "accept"
    """What becomes of a grant whose record is not on the disk after 250 ms. A pass with counted uses is refused."""
    orders_unreadable: Literal["lock_down", "accept"] = "lock_down"
    """What a gate does that starts and cannot read which doors were locked down, blocked, or locked."""


TABLE = {
    "camera_lost": Mode(
        Phrase("A camera gives no usable picture: switched off, unplugged, another password, frozen."),
        {"": Phrase("Nobody passes by this camera. Cards, PINs, commands and the exit button go on.")},
        "CameraFault",
        Phrase("The eye connects again by itself; the first report of a picture ends it."),
    ),
    "vision_failed": Mode(
        Phrase("The eye process does not report: a model failed, it crashed or hangs."),
        {"": Phrase("As camera_lost: nobody passes by its camera.")},
        "CameraFault",
        Phrase("The watchdog kills it and the supervisor starts it again; its first report ends it."),
    ),
    "camera_clock": Mode(
        Phrase("The clock that a camera's stream tells is further from the gate's than `clock_limit_s`."),
        {
            "": Phrase(
                "Everything goes on: the gate tells a picture's age by its own clock. Recordings bear a wrong time."
            )
        },
        "CameraClockFault",
        Phrase("The camera's clock is set, by NTP best; its next reports end it."),
    ),
    "liveness_unavailable": Mode(
        Phrase("The model pack has no liveness networks."),
        {
            "second_factor": Phrase("A face alone opens nothing; it needs a second factor."),
            "accept": Phrase("A face alone opens; a photograph may too."),
        },
        "GateStarted",
        Phrase("Choose a pack that has them."),
    ),
    "clock_untrusted": Mode(
        Phrase("The clock is not synchronised, as after a power cut without a network."),
        {
            "refuse": Phrase("Whatever depends on the time is refused: passes, validity, schedules other than always."),
            "accept": Phrase("The clock counts as it is."),
        },
        "ClockFault",
        Phrase("The kernel reports synchronisation; checked every second."),
    ),
    "whitelist_unusable": Mode(
        Phrase("The whitelist is missing, corrupt, or sealed with another key."),
        {"": Phrase("Nobody passes by face or card. Passes without a face, commands and the exit button go on.")},
        "WhitelistFault",
        Phrase("The file is looked at four times a second; the first one that opens ends it."),
    ),
    "whitelist_stale": Mode(
        Phrase("The desk has not renewed its whitelist in time: it is silent, or the gate was away for long."),
        {
            "refuse": Phrase(
                "Nobody passes by face or card. Passes without a face, commands and the exit button go on."
            ),
            "accept": Phrase("The list goes on as it was; who was revoked meanwhile passes."),
        },
        "WhitelistFault",
        Phrase("The desk's next manifest, at the first connection to both."),
    ),
    "broker_lost": Mode(
        Phrase("The broker is out of reach."),
        {"": Phrase("Everything goes on; events are kept and sent later, commands, PINs and cards do not arrive.")},
        "BrokerFault",
        Phrase("The gate connects again by itself and sends what the recorder lacks."),
    ),
    "reader_silent": Mode(
        Phrase("A keypad or card reader with `silent_after_s` sends no heartbeat: dead, cut off, or unplugged."),
        {"": Phrase("Nobody is heard at it: who needs its PIN or card is refused. Faces, passes and commands go on.")},
        "ReaderFault",
        Phrase("Its next message ends it."),
    ),
    "storage_slow": Mode(
        Phrase("The disk is slow, full or broken: a record is not on it within 250 ms."),
        {
            "accept": Phrase("Grants go on without their record; passes with counted uses are refused."),
            "refuse": Phrase("Grants are refused. Exit button, fire, relock and alarms go on."),
        },
        "StorageFault",
        Phrase("What waits in memory is written when the disk answers."),
    ),
    "orders_unreadable": Mode(
        Phrase("At its start the gate cannot read what stood against its doors: its file is damaged."),
        {
            "lock_down": Phrase("Every door is locked down until the room releases it. The exit button goes on."),
            "accept": Phrase("Nothing stands against a door: one that was locked down or blocked opens."),
        },
        "DoorFault",
        Phrase("The room releases the door, or orders anew what is to stand against it."),
    ),
    "relay_failed": Mode(
        Phrase("The relay guard or its GPIO chip does not answer."),
        {"": Phrase("Nobody can be let in. The relay is in its safe state; egress and fire release are wired.")},
        "DoorFault",
        Phrase("The guard is started again by the supervisor; its first answer ends it."),
    ),
    "inputs_failed": Mode(
        Phrase("The inputs of a door cannot be read."),
        {"": Phrase("The door's state is unknown; grants go on. Alarms stay as they were until it is known.")},
        "DoorFault",
        Phrase("The lines are opened again; the first reading ends it."),
    ),
    "inputs_chatter": Mode(
        Phrase("An input of a door changes again and again and does not settle: a loose wire, a worn contact."),
        {"": Phrase("The leaf of such a contact is unknown; a button opens; an alarm stays. Grants go on.")},
        "DoorFault",
        Phrase("Two seconds without a change end it."),
    ),
    "tamper": Mode(
        Phrase("The housing is open."),
        {"": Phrase("The door goes on as it was; the room decides, and may block it or lock it down.")},
        "DoorTamper",
        Phrase("The housing is closed."),
    ),
    "fire": Mode(
        Phrase("The fire alarm system releases the door."),
        {"": Phrase("It is released by its wiring; here it is reported, and an open leaf is neither forced nor held.")},
        "FireReleased",
        Phrase("The fire alarm system is reset."),
    ),
}
