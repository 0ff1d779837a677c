"""What the display at a door is told by a real gate: in both languages, and never who it is."""

from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest

from edge.i18n import speaking
from edge.matcher import Vector
from edge.mqtt import Address, Connection
from edge.simulate import HOST, RtspServer
from tests.adapters.brokers import Mosquitto
from tests.system.conftest import NewHouse
from tests.system.house import RATE, SIZE, House, wait

pytestmark = [pytest.mark.real, pytest.mark.slow]
TOPIC = "edge/v1/demo/gate-1/display"


class Display:
    """What it was told so far."""

    def __init__(self, port: int) -> None:
        self._connection = Connection(Address(HOST, port), [TOPIC])
        self.told: list[dict[str, Any]] = []

    def has(self, *codes: str) -> bool:
        self.told += [msgspec.json.decode(message.payload) for message in self._connection.turn(0.05)]
        return set(codes) <= {each["code"] for each in self.told}


def dim(film: Path, target: Path) -> Path:
    """The beginning of a film, with a seventh of its light."""
    with av.open(str(film)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream("libx264", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "0", "g": str(RATE)}
        for frame in source.decode(video=0):
            if frame.time is not None and frame.time > 4:
                break
            image = frame.to_ndarray(format="bgr24")
            copy.mux(stream.encode(av.VideoFrame.from_ndarray((image * 0.15).astype(np.uint8), format="bgr24")))
        copy.mux(stream.encode(None))
    return target


def switched_on(gate: House) -> House:
    file = gate.site.file
    file.write_text(file.read_text().replace("fact_log = true", "fact_log = true\ndisplay = true"))
    return gate


def test_a_person_is_told_to_pass_and_nobody_reads_who_it_is(
    house: NewHouse, camera: RtspServer, film: Path, visitor: Vector
) -> None:
    with Mosquitto() as broker:
        gate = switched_on(house(url=camera.url(film), broker_port=broker.port, liveness_unavailable="accept"))
        person = gate.enroll(visitor)
        display = Display(broker.port)
        gate.start("relay", "gate", "eye")
        wait(lambda: display.has("granted", "idle"), 40)
    granted = next(each for each in display.told if each["code"] == "granted")
    chinese = speaking("zh_CN")("Please pass")
    assert granted == {"door": "main", "code": "granted", "text": {"en": "Please pass", "zh": chinese}}
    assert chinese != "Please pass" and person not in str(display.told)


def test_a_face_that_is_too_dark_is_told_so_until_it_is_gone(house: NewHouse, film: Path, tmp_path: Path) -> None:
    dark = dim(film, tmp_path / "dark.mp4")
    with RtspServer([dark]) as server, Mosquitto() as broker:
        gate = switched_on(house(url=server.url(dark), broker_port=broker.port))
        display = Display(broker.port)
        gate.start("relay", "gate", "eye")
        wait(lambda: display.has("too_dark"))
        display.told.clear()
        wait(lambda: display.has("idle"))
