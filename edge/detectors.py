"""The detector of a pack, whichever it is."""

from edge.boxes import Detector
from edge.boxes import Face as Face
from edge.mtcnn import Mtcnn
from edge.network import Network
from edge.yunet import YuNet


def detector(networks: dict[str, Network]) -> Detector:
    """The detector whose networks, by role, a pack has."""
    if "detector" in networks:
        return YuNet(networks["detector"])
    return Mtcnn(networks["pnet"], networks["rnet"], networks["onet"])
