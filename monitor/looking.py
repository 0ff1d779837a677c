"""The live look: a still picture fetched from a gate over mutual TLS. It is never kept, only that somebody looked."""

import ssl
import threading
import time
from urllib.parse import quote

import httpx

from edge.errors import EdgeError, LinkError
from monitor.settings import Configured

VIEWER = "Edge-Gate-Viewer"
PATIENCE_S = 15.0
LARGEST = 4 * 1024 * 1024


class Looks:
    """Called from any thread. Certificates are read at each look: they are renewed without a restart."""

    def __init__(self, configured: Configured) -> None:
        self._configured, self._section = configured, configured.settings.look
        self._lock = threading.Lock()
        self._looked: dict[tuple[str, str], float] = {}

    def offered(self, gate: str) -> bool:
        """Whether there is a look at a gate, `SITE/GATE`."""
        return gate in self._section.gates

    def look(self, who: str, gate: str, camera: str) -> bytes:
        """A JPEG with the viewer's name across it; LinkError with why there is none."""
        if not self.offered(gate):
            raise LinkError("there is no look at {gate}", "name it in [look.gates]", gate=gate)
        url = f"{self._section.gates[gate].rstrip('/')}/look/{quote(camera, safe='')}"
        try:
            with httpx.Client(verify=self._context(), timeout=PATIENCE_S, trust_env=False) as client:
                answer = client.get(url, headers={VIEWER: quote(who)})
        except (httpx.HTTPError, OSError) as error:
            raise LinkError("{gate} cannot be looked at: {why}", gate=gate, why=str(error)) from error
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            raise LinkError("{gate} cannot be looked at: {why}", gate=gate, why=answer.text[:200])
        with self._lock:
            self._looked[who, gate] = time.monotonic()
        return answer.content

    def check(self, who: str, gate: str) -> None:
        """EdgeError when somebody has to look before a door is opened and has not."""
        limit = self._section.before_open_s
        with self._lock:
            at = self._looked.get((who, gate))
        if limit and (at is None or time.monotonic() - at > limit):
            raise EdgeError("look at the gate first: the last look is older than {seconds:.0f} s", seconds=limit)

    def _context(self) -> ssl.SSLContext:
        path, section = self._configured.path, self._section
        context = ssl.create_default_context(cafile=path(section.ca_file))
        context.load_cert_chain(path(section.certificate_file), path(section.key_file))
        return context
