"""The detector of a pack, whichever it is."""

from edge.boxes import Detector
from edge.boxes import Face as Face
from edge.mtcnn import Mtcnn
from edge.network import Network
from edge.packs import Role
from edge.yunet import YuNet


def detector(networks: dict[Role, Network], wary: bool = False) -> Detector:
    """The detector whose networks, by role, a pack has; a `wary` one takes for a face whatever might be one."""
    if "detector" in networks:
        return YuNet(networks["detector"], YuNet.DOUBTFUL if wary else YuNet.LEAST_SCORE)
    leasts = Mtcnn.DOUBTFUL if wary else Mtcnn.LEAST_SCORES
    return Mtcnn(networks["pnet"], networks["rnet"], networks["onet"], leasts)
