"""Who may ask something of a gate over one connection: operators with commands, readers with PINs and cards.

What is believed is reported; what is not is counted and told now and then, so that a flood is one event.
"""

import math
from collections.abc import Callable

from edge.challenge import Challenge
from edge.commands import TELL_EVERY_S, Commands
from edge.config import Config, Credentials
from edge.errors import EdgeError
from edge.facts import CommandsRefused, ReaderAlive, ReaderIgnored
from edge.flood import Tally
from edge.mqtt import Message
from edge.readers import Readers, reader_topic
from edge.transport import Channel, Listening, topic

STILL_S = 3.0
"""Longer between two looks for messages, which come once a second at least, and the gate stood still meanwhile."""
OTHERS = "others"
"""What is published under names that no reader has is told together."""


class Hearing:
    """`report` gets facts, and `edge.readers.Shown`. Times are monotonic seconds; for the one thread that receives."""

    def __init__(self, config: Config, credentials: Credentials, report: Callable[[object], None], now: float) -> None:
        site, gate = config.gate.site, config.gate.name
        self._challenge, self._report, self._spent = Challenge(now, STILL_S), report, False
        self._commands = Commands(config, credentials, self._challenge, now)
        self._readers = Readers(config, credentials, self._challenge, now)
        self._command, self._reader = topic(site, gate, Channel.COMMAND), reader_topic(site, gate, "")
        self.topics = [self._command, *([reader_topic(site, gate, "+")] if self._readers else [])]
        self._refusals = Tally(TELL_EVERY_S, now)
        self._ignored: dict[str, Tally] = {}
        self._names = {reader.name for reader in config.reader}
        self._operated = bool(config.operator)

    @property
    def listening(self) -> Listening | None:
        """What is published; nothing where nobody may ask for anything."""
        if not (self._operated or self._readers):
            return None
        return Listening(self._challenge.text, dict(self._commands.counters), self._readers.counters)

    def changed(self, now: float) -> bool:
        """Tell what is due; whether what is published is no longer true."""
        self._tell(now)
        spent, self._spent = self._spent, False
        return self._challenge.renewed(now) or spent

    def ended(self) -> None:
        """Nothing more can be heard: tell at once what was only counted yet."""
        self._tell(math.inf)

    def _tell(self, now: float) -> None:
        if told := self._refusals.due(now):
            self._report(CommandsRefused(*told))
        for name, tally in self._ignored.items():
            if told := tally.due(now):
                self._report(ReaderIgnored(name, *told[:2]))

    def hear(self, message: Message, now: float) -> bool:
        """Take in a message; False when it is about something else."""
        if message.topic == self._command:
            self._commanded(message, now)
        elif message.topic.startswith(self._reader):
            self._shown(message.topic.removeprefix(self._reader), message, now)
        else:
            return False
        return True

    def _commanded(self, message: Message, now: float) -> None:
        try:
            self._report(self._commands.take(message.payload, message.retain, now))
            self._spent = True
        except EdgeError as refused:
            self._refusals.add(str(refused), getattr(refused, "id", ""))

    def _shown(self, name: str, message: Message, now: float) -> None:
        try:
            shown = self._readers.take(name, message.payload, message.retain, now)
            self._report(shown if shown.pin or shown.card else ReaderAlive(name))
            self._spent = True
        except EdgeError as ignored:
            known = name if name in self._names else OTHERS
            self._ignored.setdefault(known, Tally(TELL_EVERY_S, now)).add(str(ignored))
