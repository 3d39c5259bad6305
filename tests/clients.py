"""Clients of a web server that say exactly which bytes, from which address of this machine."""

import http.client
import io
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import orjson

ALICE, BOB, CAROL = "127.1.1.1", "127.2.2.2", "127.3.3.3"


class _Kept(io.BufferedReader):
    def close(self) -> None:
        """An answer that is over would close it."""


class Client:
    """One connection."""

    def __init__(self, port: int, address: str = ALICE, *, patience: float = 15, taken: int = 0) -> None:
        """`taken`: how many bytes this machine takes for a client that reads nothing."""
        self.sock = socket.socket()
        if taken:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, taken)
        self.sock.settimeout(patience)
        self.sock.bind((address, 0))
        self.sock.connect(("127.0.0.1", port))
        self._kept = _Kept(socket.SocketIO(self.sock, "r"))

    def say(self, text: str | bytes) -> "Client":
        self.sock.sendall(text.encode() if isinstance(text, str) else text)
        return self

    def ask(self, path: str, *lines: str, method: str = "GET", body: str = "") -> "Client":
        said = (f"Content-Length: {len(body)}",) if body else ()
        return self.say(
            "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, *said, "", body))
        )

    def makefile(self, _mode: str) -> io.BufferedReader:
        """All answers come by one, which may have begun to read the next."""
        return self._kept

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with small letters, body."""
        answer = http.client.HTTPResponse(self)  # type: ignore[arg-type]
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def status(self) -> int:
        return self.answer()[0]

    def json(self) -> dict[str, object]:
        found: dict[str, object] = orjson.loads(self.answer()[2])
        return found

    def is_closed(self) -> bool:
        """By the other side, without a word."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.sock.close()


@contextmanager
def crowd(
    port: int, count: int, address: str = ALICE, *, said: str = "", taken: int = 0
) -> Iterator[list[Client]]:
    """So many connections, each of which has said the same."""
    with ExitStack() as opened:
        clients = []
        for _ in range(count):
            client = Client(port, address, taken=taken)
            opened.callback(client.close)
            clients.append(client.say(said))
        yield clients
