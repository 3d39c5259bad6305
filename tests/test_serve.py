"""Does every request reach the application whole, and can no client take the server from the others?"""

import ipaddress
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from data.domain.peer import counted, sender
from data.serve.answering import Answering
from data.serve.caps import Presence, Rate, Stage
from data.serve.connection import due
from tests.clients import ALICE, BOB, CAROL, Client, crowd
from tests.conftest import ROOT, free_port

HALF_HEAD = "GET /heard HTTP/1.1\r\nHost: localhost\r\n"
HALF_BODY = "POST /heard HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
UNREAD = "GET /much/40 HTTP/1.1\r\nHost: localhost\r\n\r\n"  # 2.6 MB


@contextmanager
def served(home: Path, *, files: int = 0, **settings: str) -> Iterator[tuple[int, int]]:
    """The port, and the pid of gunicorn's master."""
    port = free_port()
    env = {**os.environ, "CITYOPS_HOME": str(home), "CITYOPS_PORT": str(port), **settings}
    limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
    command = [sys.executable, "-m", "gunicorn", "--config", "python:data.serve", "tests.serving:server"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, preexec_fn=limit)
    try:
        _until_up(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _until_up(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError):
            assert Client(port, "127.8.8.8").ask("/heard").status() == 200
            return
        time.sleep(0.05)
    raise AssertionError("gunicorn did not answer")


@pytest.fixture(scope="module")
def port(home: Path) -> Iterator[int]:
    with served(home) as (port, _):
        yield port


@pytest.fixture(scope="module")
def narrow(home: Path) -> Iterator[int]:
    """Four threads, six requests at once, five writes a second."""
    with served(home, CITYOPS_THREADS="4", CITYOPS_CAPS="unfinished=6,writes=5") as (port, _):
        yield port


# ── whose request it is ─────────────────────────────────────────────────────────────────────────
PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    "peer, forwarded, found",
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # what it says itself
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nobody", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::5", "2001:db8::5"),
        ("fd00::1", " 198.51.100.1 ,", "198.51.100.1"),
    ],
)
def test_the_sender_is_the_nearest_hop_that_is_no_proxy_of_ours(
    peer: str, forwarded: str, found: str
) -> None:
    assert sender(peer, forwarded, PROXIES) == found


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("198.51.100.1", "198.51.100.2", False),
    ],
)
def test_addresses_of_one_household_are_counted_as_one(one: str, other: str, same: bool) -> None:
    assert (counted(one) == counted(other)) is same


def test_a_forged_header_changes_nothing(port: int) -> None:
    forged = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https")
    heard = Client(port).ask("/heard", *forged).json()
    assert (heard["peer"], heard["url"]) == (ALICE, "http://localhost/heard")


def test_behind_a_proxy_of_ours_everybody_is_counted_alone(home: Path) -> None:
    with served(home, CITYOPS_PROXY=BOB, CITYOPS_CAPS="writes=1") as (port, _):
        posts = [
            Client(port, BOB).ask("/heard", f"X-Forwarded-For: 6.6.6.6, {peer}", method="POST", body="x")
            for peer in ("203.0.113.9", "203.0.113.10", "203.0.113.9")
        ]
        assert [post.status() for post in posts] == [200, 200, 429]
        secure = Client(port, BOB).ask("/heard", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")
        heard = secure.json()
    assert heard["peer"] == "203.0.113.9" and str(heard["url"]).startswith("https://")


# ── a request arrives ───────────────────────────────────────────────────────────────────────────
PIECES = "3;name=value\r\nabc\r\nA\r\n0123\r\n\r\n89\r\n00\r\nX-Sum: x\r\n\r\n"
CHUNKED = "POST /heard HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_body_in_pieces_is_put_together_however_it_is_cut(port: int, step: int) -> None:
    whole, client = CHUNKED + PIECES, Client(port)
    for at in range(0, len(whole), step):
        client.say(whole[at : at + step])
    assert client.json()["body"] == "abc0123\r\n\r\n89"


def test_requests_one_after_the_other_on_one_connection_are_all_answered(port: int) -> None:
    client = Client(port)
    asked = [f"POST /heard HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{n:02}" for n in range(5)]
    client.say("".join([*asked[:2], CHUNKED, PIECES, *asked[2:4]]) + asked[4][:-1])
    heard = [client.json()["body"] for _ in range(5)]
    client.say(asked[4][-1])
    assert [*heard, client.json()["body"]] == ["00", "01", "abc0123\r\n\r\n89", "02", "03", "04"]


def test_who_waits_to_be_told_to_go_on_is_told(port: int) -> None:
    client = Client(port).ask("/heard", "Expect: 100-continue", "Content-Length: 4", method="POST")
    assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.say("body").json()["body"] == "body"


@pytest.mark.parametrize(
    "said, status",
    [
        ("nonsense\r\n\r\n", 400),
        ("\r\n\r\n", 400),
        ("GET /heard HTTP/1.1\nHost: localhost\n\n", 400),
        (f"GET /{'x' * 5000} HTTP/1.1\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nA: {'x' * 9000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\n" + "A: b\r\n" * 6000, 431),
        ("POST /heard HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /heard HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n", 413),
        (CHUNKED + "FFFFFFF\r\n", 413),
        (CHUNKED + "-5\r\nabc", 400),
        (CHUNKED + "1_0\r\n" + "x" * 16 + "\r\n0\r\n\r\n", 400),
        (CHUNKED + "3\r\nabcdef\r\n0\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_at_once(port: int, said: str, status: int) -> None:
    half = Client(port, BOB).say(HALF_HEAD)
    assert Client(port).say(said).status() == status
    assert _is_silent(half)  # nobody's time was up


def test_what_is_too_large_is_thrown_away_while_it_comes_and_refused_in_words(port: int) -> None:
    client = Client(port).ask("/counted?lang=en", "Content-Length: 30000000", method="POST")
    for _ in range(300):
        client.say(b"x" * 100_000)
    status, headers, body = client.answer()
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert b"the request is too large" in body


def test_eight_megabytes_arrive(port: int) -> None:
    client = Client(port).ask("/counted", f"Content-Length: {8 << 20}", method="POST")
    assert client.say(b"x" * (8 << 20)).answer()[2] == b"8388608"


# ── deadlines ───────────────────────────────────────────────────────────────────────────────────
def test_who_moves_sixteen_kilobytes_a_second_may_go_on() -> None:
    assert (due(100.0, 0), due(100.0, 160_000)) == (120.0, 130.0)


def test_a_head_has_five_seconds(port: int) -> None:
    began = time.monotonic()
    silent, half = Client(port), Client(port).say(HALF_HEAD)
    dripping = Client(port).say(HALF_HEAD)
    for _ in range(8):
        time.sleep(0.5)
        dripping.say("A: b\r\n")
    assert time.monotonic() - began < 5
    assert (half.status(), dripping.status(), silent.is_closed()) == (408, 408, True)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_body_has_twenty_seconds(port: int) -> None:
    began, client = time.monotonic(), Client(port, patience=50).say(HALF_BODY)
    assert client.status() == 408
    assert 19 < time.monotonic() - began < 40


@pytest.mark.slow
def test_who_takes_nothing_of_a_large_answer_is_left_after_twenty_seconds(home: Path) -> None:
    with served(home) as (port, master):
        worker = psutil.Process(master).children()[0]
        with crowd(port, 4, said="GET /much/400 HTTP/1.1\r\nHost: localhost\r\n\r\n", taken=4096):
            time.sleep(2)
            assert len(_connections(worker)) == 4
            time.sleep(28)
            assert _connections(worker) == []


def _connections(process: psutil.Process) -> list[object]:
    return [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]


def test_a_slow_reader_gets_all_of_a_large_answer(port: int) -> None:
    client = Client(port, taken=4096).ask("/much/100", "Connection: close")
    got, began = 0, time.monotonic()
    while block := client.sock.recv(65_536):
        got += len(block)
        if time.monotonic() - began < 2:
            time.sleep(0.05)
    assert got > 100 * 65_536


def test_what_nobody_took_is_not_kept_after_the_end() -> None:
    near, far = socket.socketpair()
    answering, said = Answering(near), bytearray(1_000_000)
    answering.sendall(said)
    assert answering.owed
    answering.close()
    said.clear()  # a BufferError while somebody holds it
    far.close()


# ── nobody takes the server from the others ─────────────────────────────────────────────────────
@pytest.mark.parametrize("said, waiting", [(HALF_HEAD, 6), (HALF_BODY, 5), (UNREAD, 0), ("", 6)])
def test_six_of_one_address_leave_room_for_another(narrow: int, said: str, waiting: int) -> None:
    """Of which so many are at least still waiting: the sixth write within a second is refused."""
    with crowd(narrow, 6, said=said, taken=4096) as slow:
        time.sleep(0.2)
        assert Client(narrow, BOB).ask("/heard").status() == 200
        assert sum(map(_is_silent, slow)) >= waiting


def test_what_takes_long_for_one_address_leaves_half_of_the_threads_to_others(narrow: int) -> None:
    with crowd(narrow, 6, said="GET /late/1.0 HTTP/1.1\r\nHost: localhost\r\n\r\n") as slow:
        time.sleep(0.2)
        assert Client(narrow, BOB).ask("/heard").status() == 200
        assert all(map(_is_silent, slow))
        assert [one.status() for one in slow] == [200] * 6


def test_over_the_cap_a_request_is_refused_and_a_silent_one_is_closed(narrow: int) -> None:
    with crowd(narrow, 6, said=HALF_HEAD):
        silent = Client(narrow)
        status, headers, body = Client(narrow).ask("/heard").answer()
        assert (status, headers["retry-after"]) == (429, "1")
        assert headers["content-type"] == "application/problem+json" and b"too_many_requests" in body
        assert silent.is_closed()


def test_a_burst_over_the_cap_is_let_in_as_soon_as_there_is_room(narrow: int) -> None:
    with crowd(narrow, 60, CAROL, said="GET /heard HTTP/1.1\r\nHost: localhost\r\n\r\n") as burst:
        assert {one.status() for one in burst} == {200}


def test_connections_that_rest_are_no_more_than_the_cap(narrow: int) -> None:
    with crowd(narrow, 20, CAROL, said="GET /heard HTTP/1.1\r\nHost: localhost\r\n\r\n") as many:
        kept = [one.answer()[1]["connection"] for one in many]
        time.sleep(0.3)
        rest = [one for one in many if not _is_ended(one)]
    assert 0 < len(rest) <= 6 and "close" in kept


def _is_silent(client: Client) -> bool:
    """To this one nothing has been said yet, and it has not been closed."""
    client.sock.setblocking(False)
    try:
        client.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        client.sock.settimeout(15)
    return False


def _is_ended(client: Client) -> bool:
    client.sock.settimeout(0.01)
    try:
        return client.sock.recv(1) == b""
    except TimeoutError:
        return False


def test_more_writes_a_second_than_the_cap_are_refused_and_reads_are_not(narrow: int) -> None:
    posts = [Client(narrow, "127.9.9.9").ask("/heard", method="POST", body="x").answer() for _ in range(12)]
    assert [status for status, *_ in posts[:5]] == [200] * 5
    refused = [headers for status, headers, _ in posts if status == 429]
    assert refused and refused[0]["retry-after"] == "1"
    assert Client(narrow, "127.9.9.9").ask("/heard").status() == 200
    time.sleep(1.1)
    assert Client(narrow, "127.9.9.9").ask("/heard", method="POST", body="x").status() == 200


def test_a_second_of_writes_is_free_and_then_they_come_at_their_rate() -> None:
    rate = Rate(10)
    assert sum(rate.take("a", 50.0) for _ in range(30)) == 10
    assert sum(rate.take("a", 50.5) for _ in range(30)) == 5
    assert rate.take("b", 50.5)
    assert not Rate(0).take("a", 50.0)


def test_the_room_of_one_address_is_not_that_of_another() -> None:
    room = Presence({Stage.IDLE: 2})
    assert [room.enter("a", Stage.IDLE) for _ in range(3)] == [True, True, False]
    assert room.enter("b", Stage.IDLE) and all(room.enter(None, Stage.IDLE) for _ in range(9))
    room.leave("a", Stage.IDLE)
    assert room.is_full("a", Stage.IDLE) and not room.is_full("b", Stage.IDLE)


def test_without_a_file_to_spare_it_says_so_and_recovers(
    home: Path, record_property: Callable[[str, object], None]
) -> None:
    """A hundred connections, forty files."""
    addresses = [f"127.5.0.{n}" for n in range(1, 101)]
    with served(home, files=40) as (port, master):
        before = psutil.Process(master).children()
        many = [Client(port, address).say(HALF_HEAD) for address in addresses]
        time.sleep(0.5)
        full = Client(port, BOB).ask("/heard").answer()
        busy = before[0].cpu_percent(1.0)
        for one in many:
            one.close()
        time.sleep(0.5)
        assert Client(port, BOB).ask("/heard").status() == 200
        assert psutil.Process(master).children() == before
    record_property("the web server without a file to spare, % of a core", busy)
    assert (full[0], full[1]["retry-after"]) == (503, "2") and busy < 60


def test_a_server_told_to_stop_answers_what_it_has_begun(home: Path) -> None:
    with served(home) as (port, master):
        late, idle = Client(port).ask("/late/1.0"), Client(port, BOB).ask("/heard")
        assert idle.status() == 200
        time.sleep(0.2)
        psutil.Process(master).terminate()
        assert late.answer()[2] == b"late"
