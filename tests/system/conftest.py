"""What the whole-system stories share: weights, a film with a visitor, and houses that are closed again."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import models
from edge.matcher import Vector
from edge.simulate import RtspServer
from tests.system.house import PACK, STORE, House, cut, somewhere, templates, visitor_film

NewHouse = Callable[..., House]


@pytest.fixture(scope="session")
def weights() -> Path:
    """The directory with the demonstration's pack."""
    models.fetch(PACK, STORE)
    return STORE


@pytest.fixture(scope="session")
def scene(shared: Path) -> Path:
    return shared / "data/videos/two-faces-640.mp4"


@pytest.fixture(scope="session")
def visitor(weights: Path, scene: Path) -> Vector:
    """Templates of the person who comes in the visitor's film."""
    return templates(scene)


@pytest.fixture(scope="session")
def film(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return visitor_film(scene, tmp_path_factory.mktemp("film") / "visitor.mp4")


@pytest.fixture(scope="session")
def from_behind(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of people who walk away."""
    whole = shared / "data/videos/no-faces-people-from-behind-768.mp4"
    return cut(whole, tmp_path_factory.mktemp("film") / "from-behind.mp4", 30.0)


@pytest.fixture
def camera(film: Path) -> Iterator[RtspServer]:
    """A camera that shows the visitor's film, from its beginning to everybody who connects."""
    with RtspServer([film]) as server:
        yield server


@pytest.fixture
def house(weights: Path, request: pytest.FixtureRequest) -> NewHouse:
    """Makes a house; keyword arguments are values of its configuration."""

    def build(**values: object) -> House:
        root = Path("/tmp") / f"house-{secrets.token_hex(4)}"  # the path of a Unix socket must be short
        root.mkdir(mode=0o700)
        built = somewhere(root, **values)
        request.addfinalizer(lambda: (built.close(), shutil.rmtree(root)))
        return built

    return build
