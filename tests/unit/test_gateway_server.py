"""The server does not wait for ever: neither for what a client sends nor for what it reads."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from hybrid.gateway import server
from hybrid.gateway.server import Place, build_config, listen
from tests.services.processes import LOCALHOST, free_ports

MEGABYTES = 64
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def answer_at_length(scope: Any, receive: Any, send: Any) -> None:
    """Answer with more than any socket buffers."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    size = 2 if scope["path"] == "/short" else MEGABYTES << 20
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    await send({"type": "http.response.body", "body": b"x" * size})


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(server, "IDLE_SECONDS", 1)
    (port,) = free_ports(1)
    running = uvicorn.Server(build_config(answer_at_length, Place(LOCALHOST, port)))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        threading.Event().wait(0.01)
    yield running
    running.should_exit = True
    thread.join()


def port_of(running: uvicorn.Server) -> int:
    return running.config.port


@pytest.fixture
def port(running: uvicorn.Server) -> int:
    return port_of(running)


def connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect((LOCALHOST, port))
    return connection


def read_all(connection: socket.socket) -> int:
    """Count what comes until the server ends it; a server that never does fails by the socket's timeout."""
    size = 0
    try:
        while part := connection.recv(1 << 20):
            size += len(part)
    except ConnectionResetError:
        pass
    return size


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b"])
def test_a_head_that_does_not_come_ends_the_connection(port: int, sent: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(sent)
        assert read_all(connection) == 0


def test_a_head_that_comes_drop_by_drop_gets_no_more_time(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.settimeout(0.05)
        while True:
            try:
                connection.sendall(b"x-a: b\r\n")
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break


def test_the_next_head_has_a_deadline_too(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /short HTTP/1.1\r\nhost: x\r\n\r\nGET /short HTT")
        assert read_all(connection) > 0


def test_who_reads_nothing_is_cut_off(running: uvicorn.Server) -> None:
    with connect(port_of(running)) as connection:
        connection.sendall(REQUEST)
        assert connection.recv(1, socket.MSG_PEEK)
        while running.server_state.connections:
            threading.Event().wait(0.01)
        assert read_all(connection) < MEGABYTES << 20


def test_who_reads_slowly_gets_everything(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(REQUEST)
        assert read_all(connection) > MEGABYTES << 20


@pytest.mark.parametrize("fields", [b"x: " + b"y" * 100_000, b"x: y\r\n" * 20_000 + b"\r\n"])
def test_heads_are_bounded(port: int, fields: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /short HTTP/1.1\r\nhost: x\r\n" + fields)
        assert connection.recv(64).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(("host", "url"), [(LOCALHOST, f"http://{LOCALHOST}:9"), ("::1", "http://[::1]:9")])
def test_answers_are_sent_at_once(host: str, url: str) -> None:
    """asyncio only says so to sockets that name their protocol; otherwise every answer may wait for 40 ms."""
    with listen(Place(host, 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP
    assert Place(host, 9).url == url
