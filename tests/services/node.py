"""Native OpenSearch nodes: a built home in, running nodes with their own config, data and logs out."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ServiceBroken
from .health import is_ready
from .native import built_home
from .native.jdk import find_jdk
from .processes import LOCALHOST, Leashed, free_ports, remove_folder, tail, wait_until

# Another process may take a port between its choice and its use.
PORT_TRIES = 3

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


Setting = str | int | bool | list[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """One node before it runs: its folder, its ports, its settings beside the usual ones."""

    folder: Path
    http: int
    transport: int
    heap: str
    settings: Mapping[str, Setting]

    @property
    def url(self) -> str:
        """Where the node will answer."""
        return f"http://{LOCALHOST}:{self.http}"

    @property
    def log(self) -> Path:
        """Where the node's output goes."""
        return self.folder / "node.log"


class Node:
    """A running node of the tests; it ends with this process."""

    def __init__(self, plan: Plan) -> None:
        """Start the process; `wait_ready` says when it answers."""
        self.plan = plan
        self.url = plan.url
        self._process = Leashed(prepare(plan), folder=plan.folder, log=plan.log)

    def ended(self) -> bool:
        """Whether the node's process has ended."""
        return self._process.ended()

    def kill(self) -> None:
        """End the node as a crash would."""
        self._process.kill()

    def let_go(self) -> None:
        """Tell the node to end, without waiting for it."""
        self._process.let_go()

    def stop(self) -> None:
        """End the node and remove its folder."""
        self._process.stop()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Running nodes that form one cluster."""

    nodes: tuple[Node, ...]

    @property
    def url(self) -> str:
        """Where the first node answers."""
        return self.nodes[0].url

    @property
    def urls(self) -> tuple[str, ...]:
        """Where each node answers."""
        return tuple(node.url for node in self.nodes)

    def stop(self) -> None:
        """End all nodes and remove their folders."""
        for node in self.nodes:
            node.let_go()
        for node in self.nodes:
            node.stop()


def start_node(*, heap: str = "1g", settings: Mapping[str, Setting] | None = None) -> Node:
    """Start a cluster of one node and wait until it answers; `settings` go into its `opensearch.yml`."""
    return start_cluster(nodes=1, heap=heap, settings=settings).nodes[0]


def start_cluster(*, nodes: int = 3, heap: str = "512m", settings: Mapping[str, Setting] | None = None) -> Cluster:
    """Start so many nodes and wait until they form one green cluster."""
    built_home()
    for attempt in range(1, PORT_TRIES + 1):
        planned, started = plans(nodes, heap, settings or {}), list[Node]()
        try:
            started.extend(Node(plan) for plan in planned)
            for node in started:
                wait_ready(node, nodes=nodes)
        except BaseException as failure:
            Cluster(tuple(started)).stop()
            for plan in planned:
                remove_folder(plan.folder)
            if attempt == PORT_TRIES or not _lost_a_port(failure):
                raise
        else:
            return Cluster(tuple(started))
    raise AssertionError("the last attempt returns or raises")


def plans(nodes: int, heap: str, settings: Mapping[str, Setting]) -> tuple[Plan, ...]:
    """Return a plan per node, each with its own temporary folder and free ports."""
    ports = free_ports(2 * nodes)
    http, transport = ports[:nodes], ports[nodes:]
    return tuple(
        Plan(
            folder=Path(tempfile.mkdtemp(prefix="hybrid-opensearch-")),
            http=http[number],
            transport=transport[number],
            heap=heap,
            settings={**settings, **discovery(number, transport)},
        )
        for number in range(nodes)
    )


def discovery(number: int, transport: Sequence[int]) -> dict[str, Setting]:
    """Return the settings by which a node finds the others, or knows that there are none."""
    if len(transport) == 1:
        return {"discovery.type": "single-node"}
    names = [f"node-{one}" for one in range(len(transport))]
    return {
        "node.name": names[number],
        "discovery.seed_hosts": [f"{LOCALHOST}:{port}" for port in transport],
        "cluster.initial_cluster_manager_nodes": names,
    }


def prepare(plan: Plan) -> list[str]:
    """Write the node's config folder; return the command that runs the node."""
    home, java = built_home(), find_jdk() / "bin" / "java"
    config, temporary = plan.folder / "config", plan.folder / "tmp"
    for folder in (config, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    (config / "log4j2.properties").write_text(LOG4J, "utf-8")
    (config / "opensearch.yml").write_text(settings_text(plan), "utf-8")
    flags = (
        f"-Xms{plan.heap}",
        f"-Xmx{plan.heap}",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        # Else the log ends before the node does.
        "-Dlog4j.shutdownHookEnabled=false",
        # A node without memory ends with a line in its log; it does not linger half dead.
        "-XX:+ExitOnOutOfMemoryError",
        f"-XX:ErrorFile={plan.folder}/java-error.log",
        # Native libraries are unpacked there, and go with the folder.
        f"-Djava.io.tmpdir={temporary}",
        f"-Djna.tmpdir={temporary}",
    )
    return [str(java), *flags, "-cp", f"{home}/lib/*:{home}/main", "NodeMain", str(home), str(config)]


def settings_text(plan: Plan) -> str:
    """Return the node's `opensearch.yml`; each value is JSON, which YAML includes."""
    settings: dict[str, object] = {
        "cluster.name": "hybrid-tests",
        "network.host": LOCALHOST,
        "http.port": plan.http,
        "transport.port": plan.transport,
        "path.data": str(plan.folder / "data"),
        "path.logs": str(plan.folder / "logs"),
        # The disk of a developer's machine is often fuller than the 85 % at which shards are refused.
        "cluster.routing.allocation.disk.threshold_enabled": False,
        **plan.settings,
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def wait_ready(node: Node, *, nodes: int = 1) -> None:
    """Wait until the node sees so many nodes and, where there are several, a green cluster."""
    wait_until(
        lambda: is_ready(node.url, nodes=nodes),
        ended=node.ended,
        evidence=lambda: tail(node.plan.log),
        what="OpenSearch",
    )


def _lost_a_port(failure: BaseException) -> bool:
    return isinstance(failure, ServiceBroken) and bool(
        re.search(r"BindHttpException|BindTransportException|already in use", str(failure))
    )
