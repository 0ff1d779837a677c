"""A chip of the kernel's gpio-sim driver: the test sets the levels outside and sees what is driven."""

from collections.abc import Mapping
from pathlib import Path

DRIVER = Path("/sys/kernel/config/gpio-sim")
DEVICES = Path("/sys/devices/platform")
LINES = 8
LINK = Path("/dev/gate-gpio")


class SimChip:
    """A real /dev/gpiochip with nothing but software behind it; `hogs` are lines that the kernel itself uses."""

    def __init__(self, name: str, names: Mapping[int, str], hogs: Mapping[int, str]) -> None:
        self._folder = DRIVER / name
        self._bank = self._folder / "bank0"
        self._bank.mkdir(parents=True)
        (self._bank / "num_lines").write_text(str(LINES))
        for line, label in names.items():
            self._made(f"line{line}", label)
        for line, user in hogs.items():
            (self._bank / f"line{line}").mkdir()
            self._made(f"line{line}/hog", user)

    def __enter__(self) -> "SimChip":
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        if LINK.is_symlink():
            self.unplug()
        for folder in [*self._bank.glob("line*/hog"), *self._bank.glob("line*"), self._bank, self._folder]:
            folder.rmdir()

    @property
    def path(self) -> str:
        return f"/dev/{self._read(self._bank / 'chip_name')}"

    def plug(self) -> None:
        """The link follows the chip, as udev sees to it: a chip may come back under another number."""
        (self._folder / "live").write_text("1")
        LINK.symlink_to(self.path)

    def unplug(self) -> None:
        """As a USB adapter goes: whoever holds its lines is left with a file that answers ENODEV."""
        LINK.unlink()
        (self._folder / "live").write_text("0")

    def level(self, line: int) -> bool:
        """What a meter at the line would show: high or low."""
        return self._read(self._pin(line) / "value") == "1"

    def pull(self, line: int, high: bool) -> None:
        """Set an input's level from outside."""
        (self._pin(line) / "pull").write_text("pull-up" if high else "pull-down")

    def _pin(self, line: int) -> Path:
        device, chip = self._read(self._folder / "dev_name"), self._read(self._bank / "chip_name")
        return DEVICES / device / chip / f"sim_gpio{line}"

    def _made(self, folder: str, label: str) -> None:
        (self._bank / folder).mkdir()
        (self._bank / folder / "name").write_text(label)

    @staticmethod
    def _read(path: Path) -> str:
        return path.read_text().strip()
