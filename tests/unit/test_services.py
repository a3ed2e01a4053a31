"""The parts under the real services: the lock, what Maven brings, process identity, the leash."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.services import ServiceBroken, ServiceUnavailable, node, standing
from tests.services.native import jdk, lock, maven, recipe
from tests.services.native.build import LOCK
from tests.services.places import Ports
from tests.services.processes import free_ports, identity, listening_socket
from tests.services.recorder import (
    recorder,
)
from tests.services.redis import redis_server

ROOT = Path(__file__).parents[2]
Seen = TypeVar("Seen")


# --- the lock and what Maven brings ---


@pytest.fixture
def fetched(tmp_path: Path) -> lock.Fetched:
    path = tmp_path / "a-1.jar"
    path.write_bytes(b"a jar")
    return lock.Fetched("lib", "org.example:a:1", path)


def test_lock_text_reads_back_as_it_was_written() -> None:
    entries = (lock.Entry("lib", "g:a:1", "0" * 64), lock.Entry("plugins/p", "g:b:2:zip", "f" * 64))
    assert lock.parse(lock.render(entries)) == entries


def test_broken_lock_line_is_named_by_its_number() -> None:
    with pytest.raises(ServiceBroken, match=r"node\.lock line 2: not `coordinates folder sha256`"):
        lock.parse("# a comment\ng:a:1 lib\n")


def test_committed_lock_holds_the_whole_recipe_and_no_address() -> None:
    text = LOCK.read_text("utf-8")
    locked = {(entry.folder, entry.coordinates) for entry in lock.parse(text)}
    assert {(part.folder, one) for part in recipe.parts() for one in part.wanted} <= locked
    assert "//" not in text


def test_file_as_locked_passes(fetched: lock.Fetched) -> None:
    lock.verify([fetched], [fetched.entry()])


def test_changed_file_is_refused_in_one_line_with_both_sums(fetched: lock.Fetched) -> None:
    entry = fetched.entry()
    fetched.path.write_bytes(b"another jar")
    with pytest.raises(ServiceBroken) as raised:
        lock.verify([fetched], [entry])
    line = str(raised.value)
    assert line == f"org.example:a:1: sha256 {lock.sha256(fetched.path)}, but node.lock says {entry.sha256}"


def test_unlisted_file_is_refused(fetched: lock.Fetched) -> None:
    with pytest.raises(ServiceBroken, match=r"^org\.example:a:1 for lib is not in node\.lock$"):
        lock.verify([fetched], [])


def test_missing_file_is_refused(fetched: lock.Fetched) -> None:
    with pytest.raises(ServiceBroken, match=r"^g:b:2 for lib is in node\.lock, but Maven did not bring it$"):
        lock.verify([fetched], [fetched.entry(), lock.Entry("lib", "g:b:2", "0" * 64)])


@pytest.mark.parametrize(
    ("path", "coordinates"),
    [
        ("org/example/core/a/1.0/a-1.0.jar", "org.example.core:a:1.0"),
        ("org/example/a-b/1.0-jre/a-b-1.0-jre.zip", "org.example:a-b:1.0-jre:zip"),
        ("org/example/a/1.0/a-1.0-linux-x86_64.jar", "org.example:a:1.0:jar:linux-x86_64"),
    ],
)
def test_coordinates_come_from_the_path_in_the_repository(path: str, coordinates: str) -> None:
    assert maven.coordinates_of(Path(path)) == coordinates


def test_first_error_of_maven_is_the_one_that_is_told() -> None:
    assert maven.first_error(["[INFO] x\n", "[ERROR] no such host\n", "[ERROR] -> help\n"]) == "no such host"


@pytest.mark.parametrize("program", ["mvn", "redis-server"])
def test_missing_program_is_named_with_its_package(
    program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceUnavailable, match=f"{program} is not on the PATH: install it"):
        maven.run_maven(tmp_path, print) if program == "mvn" else redis_server()


def make_jdk(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    for program in ("java", "javac"):
        (home / "bin" / program).touch()
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


def test_jdk_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = make_jdk(tmp_path / "own", "17.0.2")
    make_jdk(tmp_path / "system" / "a", "1.8.0_402")
    make_jdk(tmp_path / "system" / "b", "25.0.1")
    oldest_that_will_do = make_jdk(tmp_path / "system" / "c", "21")
    monkeypatch.setattr(jdk, "SYSTEM_JDKS", tmp_path / "system")
    assert jdk.find_jdk({"JAVA_HOME": str(old), "PATH": str(tmp_path)}) == oldest_that_will_do


def test_no_jdk_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jdk, "SYSTEM_JDKS", tmp_path / "none")
    monkeypatch.setattr(jdk, "MAC_FINDER", tmp_path / "none")
    with pytest.raises(ServiceUnavailable, match=r"no JDK 21 or newer .* openjdk-21-jdk-headless"):
        jdk.find_jdk({"PATH": str(tmp_path)})


def test_node_is_told_its_ports_folders_and_neighbours(tmp_path: Path) -> None:
    plan = node.Plan(tmp_path, 1, 2, "1g", node.discovery(1, [7, 8, 9]))
    lines = dict(line.split(": ", 1) for line in node.settings_text(plan).splitlines())
    assert lines["path.data"] == json.dumps(str(tmp_path / "data"))
    assert lines["http.port"] == "1"
    assert json.loads(lines["discovery.seed_hosts"]) == ["127.0.0.1:7", "127.0.0.1:8", "127.0.0.1:9"]
    assert json.loads(lines["node.name"]) == "node-1"
    assert "discovery.type" not in lines


# --- processes ---


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def service(tmp_path: Path) -> standing.Standing:
    folder = tmp_path / "redis"
    folder.mkdir()
    return standing.queue(folder, Ports(*free_ports(3)))


def test_identity_lasts_as_long_as_the_process(sleeper: "subprocess.Popen[bytes]") -> None:
    known = identity(sleeper.pid)
    assert known is not None
    assert identity(sleeper.pid) == known != identity(os.getpid())
    sleeper.kill()
    sleeper.wait()
    assert identity(sleeper.pid) is None


def test_pid_file_names_a_process_that_runs(sleeper: "subprocess.Popen[bytes]", service: standing.Standing) -> None:
    standing.write_pid(service.pid_file, sleeper.pid)
    assert standing.running_pid(service.pid_file) == sleeper.pid


def test_process_under_a_reused_number_is_left_alone(
    sleeper: "subprocess.Popen[bytes]", service: standing.Standing
) -> None:
    service.pid_file.write_text(json.dumps({"pid": sleeper.pid, "identity": "an earlier process"}))
    assert standing.stop(service) == "not running"
    assert sleeper.poll() is None
    assert not service.pid_file.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "identity": null}'])
def test_broken_pid_file_is_as_good_as_none(text: str, service: standing.Standing) -> None:
    service.pid_file.write_text(text)
    assert standing.running_pid(service.pid_file) is None


def test_port_taken_by_something_else_is_refused(service: standing.Standing) -> None:
    with recorder() as other:
        port = int(other.url.rpartition(":")[2])
        taken = standing.queue(service.folder, Ports(redis=port))
        with pytest.raises(ServiceBroken, match=f"^port {port} is taken by something that is not our redis$"):
            standing.start(taken)


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with contextlib.closing(listening_socket(ports[0])):
        assert ports[0] not in free_ports(3)


def eventually(look: Callable[[], Seen], *, seconds: float = 20.0) -> Seen:
    """Return the first true thing that is seen."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        with contextlib.suppress(FileNotFoundError):
            if seen := look():
                return seen
        time.sleep(0.02)
    raise AssertionError("it did not come")


PARENT = """
import sys, time
from pathlib import Path
from tests.services.processes import Leashed
folder = Path(sys.argv[1])
Leashed([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"],
        folder=folder, log=folder.with_suffix(".log"))
time.sleep(60)
"""


def test_leashed_command_and_its_folder_go_when_the_parent_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], cwd=ROOT) as parent:
        child = int(eventually(lambda: folder.with_suffix(".log").read_text("utf-8")))
        assert identity(child)
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not folder.exists())
    assert identity(child) is None
