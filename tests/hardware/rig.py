"""A machine with a GPIO chip: Debian's kernel under QEMU, with the kernel's GPIO simulator and the host's own files.

`python tests/hardware/rig.py [--live] COMMAND...` runs a command in it and ends with its status. No KVM and no root is
needed. With --live the first process is systemd, which runs the command as a unit; without it, it is a shell.
The kernel and its module `gpio-sim`, which Debian leaves out, are prepared once in var/hardware.
"""

import compileall
import gzip
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGES = "qemu-system-x86 busybox-static linux-headers-amd64 linux-source-6.1 gcc make"
TOOLS = ("qemu-system-x86_64", "busybox", "gcc", "make", "dpkg-deb")
HEADERS = Path("/usr/src")
SOURCE = HEADERS / "linux-source-6.1.tar.xz"
WANTED = [
    f"linux-source-6.1/{name}" for name in ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c")
]
"""The simulator, and the interrupts that it simulates with; neither is switched on in Debian's kernel."""
NOT_EXPORTED = "handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq_safe(irqnum)"
"""The one call that only code within the kernel may make, and what a module calls instead."""
KBUILD = "obj-m := gpio-simulator.o\ngpio-simulator-y := gpio-sim.o irq_sim.o\n"
MODULES = [
    *("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci"),
    *("netfs", "fscache", "9pnet", "9pnet_virtio", "9p", "overlay", "configfs", "gpio-simulator"),
]
"""In the order of their dependencies."""
COMMAND = """\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=yes # these tests use none, and to load them takes half a minute here
cd {root}
{command}
echo $? >/run/share/status
"""
LIVE = "live=yes systemd.unit=rig.service systemd.show_status=no systemd.mask=systemd-tmpfiles-setup.service"
"""For `init`, and for systemd, which would else empty the /tmp of the guest, where the clone may lie."""
LONGEST_S = 2400


def prepare(folder: Path) -> Path:
    """The folder with `vmlinuz` and the modules for the newest installed headers; made when it is not there."""
    versions = sorted(path.name.removeprefix("linux-headers-") for path in HEADERS.glob("linux-headers-6.1.*-amd64"))
    if not versions or not SOURCE.exists() or not all(map(shutil.which, TOOLS)):
        sys.exit(f"parts are missing: apt-get install --no-install-recommends {PACKAGES}")
    made = folder / versions[-1]
    if not all((made / f"{name}.ko").exists() for name in MODULES):
        shutil.rmtree(made, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            work, parts = Path(name).resolve(), Path(name) / "parts"
            parts.mkdir()
            fetch_kernel(work, parts, versions[-1])
            build_simulator(work, parts, versions[-1])
            parts.rename(made)
    return made


def fetch_kernel(work: Path, parts: Path, version: str) -> None:
    """Take kernel and modules out of Debian's package, without installing it."""
    run("apt-get", "download", f"linux-image-{version}", cwd=work)
    run("dpkg-deb", "-x", *map(str, work.glob("linux-image-*.deb")), "image", cwd=work)
    shutil.copy(work / f"image/boot/vmlinuz-{version}", parts / "vmlinuz")
    for module in (work / "image/lib/modules").rglob("*.ko"):
        if module.stem in MODULES:
            shutil.copy(module, parts)


def build_simulator(work: Path, parts: Path, version: str) -> None:
    """Compile the kernel's own gpio-sim as a module of its own."""
    run("tar", "xJf", str(SOURCE), "--transform", "s,.*/,simulator/,", *WANTED, cwd=work)
    folder = work / "simulator"
    interrupts = folder / "irq_sim.c"
    interrupts.write_text(interrupts.read_text().replace(*NOT_EXPORTED))
    (folder / "Kbuild").write_text(KBUILD)
    run("make", "-C", str(HEADERS / f"linux-headers-{version}"), f"M={folder}", "modules", cwd=work)
    shutil.copy(folder / "gpio-simulator.ko", parts)


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}:\n{done.stdout}{done.stderr}")


def initrd(parts: Path) -> bytes:
    """The guest's first files: busybox, `init` and the modules, as the kernel wants them (cpio, newc)."""
    files = {name: HERE / name for name in ("init", "rig.service")} | {
        "bin/busybox": Path(shutil.which("busybox") or "")
    }
    content = {name: path.read_bytes() for name, path in files.items()}
    content |= {f"modules/{name}.ko": (parts / f"{name}.ko").read_bytes() for name in MODULES}
    content |= {"modules/order": "\n".join(MODULES).encode()}
    folders = [entry(name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "modules")]
    entries = [entry(name, stat.S_IFREG | 0o755, data) for name, data in content.items()]
    return gzip.compress(b"".join([*folders, *entries, entry("TRAILER!!!", 0, b"")]), 1)


def entry(name: str, mode: int, data: bytes) -> bytes:
    """One member of a cpio archive; name and data are filled up to four bytes."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def compile_packages() -> None:
    """Compile what is imported in the guest, which takes much longer, and whose units may write nowhere near it."""
    packages = sysconfig.get_path("purelib")
    for folder in (*(ROOT / name for name in ("edge", "monitor", "tests")), packages):
        compileall.compile_dir(folder, quiet=2)


def boot(parts: Path, command: list[str], live: bool) -> int:
    """Run the command in the guest, its output on ours; its exit status, 1 when it had none."""
    with tempfile.TemporaryDirectory(prefix="edge-gate-hardware-") as name:
        share = Path(name)
        (share / "initrd").write_bytes(initrd(parts))
        (share / "command").write_text(COMMAND.format(root=shlex.quote(str(ROOT)), command=shlex.join(command)))
        subprocess.run(qemu(parts, share, live), stdin=subprocess.DEVNULL, timeout=LONGEST_S, check=True)
        status = share / "status"
        return int(status.read_text()) if status.exists() else 1


def qemu(parts: Path, share: Path, live: bool) -> list[str]:
    """The machine: two processors, no network, the host's files read-only, one folder to write."""
    machine = "qemu-system-x86_64 -M q35 -cpu max -smp 2 -m 2048 -nodefaults -no-reboot -display none -serial stdio"
    kernel = "console=ttyS0 loglevel=1 panic=-1 mitigations=off"
    shared = "local,security_model=none,multidevs=remap"
    return [
        *machine.split(),
        *("-kernel", str(parts / "vmlinuz"), "-initrd", str(share / "initrd")),
        *("-append", f"{kernel} {LIVE}" if live else kernel),
        *("-virtfs", f"{shared},path=/,mount_tag=host,readonly=on"),
        *("-virtfs", f"{shared},path={share},mount_tag=share"),
    ]


if __name__ == "__main__":
    live = sys.argv[1:2] == ["--live"]
    command = sys.argv[1 + live :]
    compile_packages()
    sys.exit(boot(prepare(ROOT / "var" / "hardware"), command, live) if command else __doc__)
