"""What a gate publishes on its own topics costs no other gate anything, on either kind of database."""

from pathlib import Path

import msgspec
import pytest

from edge.mqtt import Message
from edge.seal import Signer, new_signing_key
from edge.transport import ACK_TYPE, Backlog, Channel, Presence, topic
from monitor.database import Database
from monitor.ledger import Ledger
from monitor.recorder import Desk


@pytest.mark.parametrize("epoch", ["\0", "0123456789abcde\0", "x" * 9_000])
def test_a_state_with_an_epoch_that_no_gate_begins_is_put_aside(database: Database, tmp_path: Path, epoch: str) -> None:
    answers: list[Message] = []
    ledger = Ledger(database)
    desk = Desk(ledger, Signer(new_signing_key(tmp_path / "key"), ACK_TYPE), answers.append, lambda text, **_: None)
    where, good = topic("hq", "lobby", Channel.STATE), "0123456789abcdef"
    desk.receive(where, msgspec.json.encode(Presence("online", Backlog(epoch, 1, 1))))
    desk.receive(where, msgspec.json.encode(Presence("online", Backlog(good, 1, 1))))
    desk.settle(0.0)
    assert [stream.epoch for stream in ledger.streams()] == [good]
    assert ledger.totals().quarantined == 1 and len(answers) > 0
