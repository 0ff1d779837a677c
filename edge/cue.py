"""What a cue of presentation-attack detection is: it measures, and `edge.liveness` judges."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from edge.boxes import Face
from edge.picture import Picture
from edge.presence import Cues


class Sight(NamedTuple):
    """A face in a picture, captured at this monotonic second."""

    picture: Picture
    face: Face
    captured: float


class Cue(ABC):
    """One cue of one track. What it needs of earlier frames it keeps itself, and it is forgotten with the track."""

    news: bool = False
    """Whether a view would be told what no view was told yet."""

    def follow(self, sight: Sight) -> None:  # noqa: B027 - most cues are of a view alone
        """Take in a frame of the track that may or may not be viewed afterwards."""

    @abstractmethod
    def see(self, sight: Sight, cues: Cues) -> Cues:
        """Add what can be told of one more view."""
