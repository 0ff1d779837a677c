"""The sender reports of a stream (RTCP, RFC 3550), as libav carries them on to its packets.

Once a report has come, every packet bears the time at which its sender says that it was produced (the container's
option `export_side_data=prft`). The report itself, `rtcp_sr`, is not relied on: of some servers libav shows but two.
"""

from struct import Struct
from typing import TYPE_CHECKING

from edge.walltime import WallClock

if TYPE_CHECKING:
    from av import Packet, VideoStream

PRODUCED = Struct("=q")
"""The beginning of libav's AVProducerReferenceTime: microseconds since 1970."""
PAUSE_S = 3.0
"""A packet so often is enough; senders report about every five seconds."""


class SenderReports:
    """Those of one connection, and the clock that they tell."""

    def __init__(self) -> None:
        self.wall, self._next = WallClock(), 0.0

    def read(self, packet: "Packet[VideoStream]", captured: float | None) -> None:
        """Take in when a packet was produced, which was captured then on this machine's clock."""
        if captured is None or captured < self._next or not packet.has_sidedata("prft"):
            return
        self._next = captured + PAUSE_S
        self.wall.reported(PRODUCED.unpack_from(bytes(packet.get_sidedata("prft")))[0] / 1e6, captured)
