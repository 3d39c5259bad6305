"""Does the bad network do to others what it says, and nothing else?"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer, ThreadingUnixStreamServer
from threading import Thread

import pytest

from tests.faults.proxy import Proxy
from tests.waiting import until


class Echo(StreamRequestHandler):
    def handle(self) -> None:
        while piece := self.request.recv(65_536):
            self.request.sendall(piece)


class Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Server(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with Proxy(server.server_address) as proxy:
            yield proxy
        server.shutdown()


class Client:
    def __init__(self, proxy: Proxy) -> None:
        self.socket = socket.create_connection(("127.0.0.1", proxy.port), timeout=3)

    def say(self, words: bytes) -> None:
        self.socket.sendall(words)

    def hear(self, size: int, seconds: float = 3.0) -> bytes:
        """As much as comes in time."""
        self.socket.settimeout(seconds)
        heard = b""
        while len(heard) < size:
            try:
                piece = self.socket.recv(size - len(heard))
            except TimeoutError:
                break
            if not piece:
                break
            heard += piece
        return heard


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    client = Client(proxy)
    yield client
    client.socket.close()


def test_what_is_said_arrives_unchanged_both_ways(client: Client, proxy: Proxy) -> None:
    said = bytes(range(256)) * 4_000
    Thread(target=client.say, args=(said,)).start()
    assert client.hear(len(said)) == said
    assert proxy.opened == 1 and proxy.passed == 2 * len(said)


def test_an_end_that_says_farewell_is_told_to_the_other(client: Client) -> None:
    client.say(b"last words")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.hear(100) == b"last words"


def test_a_unix_socket_can_be_the_target(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with ThreadingUnixStreamServer(path, Echo) as server:
        server.daemon_threads, server.block_on_close = True, False
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with Proxy(path) as proxy:
            client = Client(proxy)
            client.say(b"hello")
            assert client.hear(5) == b"hello"
            client.socket.close()
        server.shutdown()


def test_delayed_bytes_come_late_but_as_many_at_a_time_as_before(client: Client, proxy: Proxy) -> None:
    proxy.delay(100)
    began = time.monotonic()
    for _ in range(10):
        client.say(b"x")
        time.sleep(0.02)
    assert client.hear(10) == b"x" * 10
    took = time.monotonic() - began
    assert 0.2 < took < 1.0  # there and back once, not ten times


def test_a_throttled_link_passes_no_more_than_its_rate(client: Client, proxy: Proxy) -> None:
    proxy.throttle(100_000)
    began = time.monotonic()
    Thread(target=client.say, args=(b"x" * 50_000,)).start()
    assert len(client.hear(50_000)) == 50_000
    assert time.monotonic() - began > 0.4


def test_swallowed_bytes_are_not_answered_until_the_hole_is_closed(client: Client, proxy: Proxy) -> None:
    proxy.swallow()
    client.say(b"into the dark")
    late = Client(proxy)  # the connection itself is taken
    assert client.hear(1, 0.3) == b""
    proxy.pass_on()
    assert client.hear(13) == b"into the dark"
    late.say(b"late")
    assert late.hear(4) == b"late"
    late.socket.close()


def test_a_buffering_proxy_takes_questions_and_keeps_the_answers(client: Client, proxy: Proxy) -> None:
    proxy.buffer()
    client.say(b"question")
    until(lambda: proxy.passed == 8, 3, "the question arrives")
    assert client.hear(1, 0.3) == b""
    proxy.pass_on()
    assert client.hear(8) == b"question"


def test_a_cut_resets_what_stands_and_takes_new_connections(client: Client, proxy: Proxy) -> None:
    client.say(b"x")
    assert client.hear(1) == b"x"
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    again = Client(proxy)
    again.say(b"again")
    assert again.hear(5) == b"again"
    again.socket.close()


def test_a_proxy_that_refuses_listens_again_at_the_same_port(client: Client, proxy: Proxy) -> None:
    client.say(b"x")
    assert client.hear(1) == b"x"
    port = proxy.port
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    with pytest.raises(ConnectionRefusedError):
        Client(proxy)
    proxy.pass_on()
    again = Client(proxy)
    again.say(b"again")
    assert again.hear(5) == b"again" and proxy.port == port
    again.socket.close()


def test_the_last_piece_is_said_again(client: Client, proxy: Proxy) -> None:
    client.say(b"once ")
    assert client.hear(5) == b"once "
    proxy.replay(2)
    assert client.hear(10) == b"once once "


def test_what_the_target_says_can_be_changed(client: Client, proxy: Proxy) -> None:
    proxy.change = lambda piece: piece.replace(b"a", b"")
    client.say(b"banana")
    assert client.hear(3, 1.0) == b"bnn"


def test_a_target_that_is_not_there_ends_the_connection(tmp_path: Path) -> None:
    with Proxy(str(tmp_path / "nobody")) as proxy:
        client = Client(proxy)
        assert client.hear(1) == b""
        client.socket.close()
