"""A NATS JetStream cluster of three that speaks MQTT, with TLS, certificates for accounts, and what each may do."""

import os
import shutil
import sys
from pathlib import Path

from edge import provision
from edge.records import Topics
from edge.simulate import HOST, Server
from edge.town import SITE, Town
from tests.conftest import need

NODES = 3
NODE = """\
server_name: {name}
listen: "{host}:{client}"
jetstream {{ store_dir: "{root}/store", max_mem: 64MB, max_file: 512MB }}
cluster {{ name: site, listen: "{host}:{route}", routes: [{routes}] }}
mqtt {{
  listen: "{host}:{port}"
  stream_replicas: 3
  tls {{ cert_file: "{tls}/server.crt", key_file: "{tls}/broker.key", ca_file: "{tls}/ca.crt", verify_and_map: true }}
}}
authorization {{ users: [{users}] }}
"""


class Node(Server):
    """One of the three; `port` is where it speaks MQTT."""

    def __init__(self, number: int, root: Path, tls: Path) -> None:
        super().__init__()
        self._spare = [Server.__new__(Node) for _ in range(2)]
        for spare in self._spare:
            Server.__init__(spare)
        self.number, self._root, self._tls = number, root / f"node-{number}", tls
        self.others: list[Node] = []
        self.users = ""
        beside = Path(sys.executable).parent  # a package of the environment, which need not be activated
        self._server = shutil.which("nats-server", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
        need(self._server, "nats-server")

    @property
    def route(self) -> str:
        return f'"nats://{HOST}:{self._spare[1].port}"'

    def command(self, directory: Path) -> list[str]:
        self._root.mkdir(parents=True, exist_ok=True)
        file = self._root / "node.conf"
        file.write_text(
            NODE.format(
                name=f"node-{self.number}", host=HOST, client=self._spare[0].port, route=self._spare[1].port,
                port=self.port, root=self._root, tls=self._tls, users=self.users,
                routes=", ".join(other.route for other in self.others),
            )
        )  # fmt: skip
        return [str(self._server), "-c", str(file), "-l", str(self._root / "log")]


class Cluster:
    """The brokers of a town in the place of mosquitto; desk and gates are spread over the nodes."""

    def __init__(self, town: Town) -> None:
        self.nodes = [Node(number, town.root / "cluster", town.root / "broker") for number in range(NODES)]
        users = ", ".join([_user("desk", _desk()), *(_user(name, _gate(name)) for name in town.sites)])
        for node in self.nodes:
            node.others, node.users = [other for other in self.nodes if other is not node], users
        files = [town.root / "desk.toml", *(site.file for site in town.sites.values())]
        for file, node in zip(files, self.nodes, strict=True):
            port = f"port = {town.broker.port}\n"
            assert port in file.read_text()
            file.write_text(file.read_text().replace(port, f"port = {node.port}\n"))

    def start(self) -> None:
        for node in self.nodes:
            node.start()

    def close(self) -> None:
        for node in self.nodes:
            node.close()


def _user(name: str, may: tuple[list[str], list[str]]) -> str:
    write, read = ([f'"{_subject(topic)}"' for topic in topics] for topics in may)
    internal = ['"$MQTT.sub.>"', '"$MQTT.deliver.pubrel.>"']
    return (
        f'{{ user: "CN={name}", permissions: {{ publish: [{", ".join(write)}],'
        f" subscribe: [{', '.join([*read, *internal])}] }} }}"
    )


def _subject(topic: str) -> str:
    """An MQTT filter in the words of NATS."""
    return topic.replace("/", ".").replace("+", "*").replace("#", ">")


def _lines(access: str, *verbs: str) -> list[str]:
    """The topics of mosquitto's access list that begin with one of these."""
    split = [line.split(" ", 2) for line in access.splitlines() if line.startswith("topic ")]
    return [topic for _, verb, topic in split if verb in verbs]


def _desk() -> tuple[list[str], list[str]]:
    access = provision.desk_access(SITE, "desk")
    return _lines(access, "write", "readwrite"), _lines(access, "read", "readwrite")


def _gate(name: str) -> tuple[list[str], list[str]]:
    access = provision.access(SITE, name)
    assert Topics(SITE).keys(name) in access
    return _lines(access, "write", "readwrite"), _lines(access, "read", "readwrite")
