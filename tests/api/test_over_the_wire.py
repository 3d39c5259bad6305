"""What does a client behind a real socket see of large bodies and of tables that break?"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from tests.api.conftest import V1
from tests.conftest import ROOT, free_port


@pytest.fixture(scope="module")
def url(fresh_module: str) -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", "python:data.serve", "tests.api.wire:server"],
        env={**os.environ, "CITYOPS_PORT": str(port)}, cwd=ROOT,
    )  # fmt: skip
    try:
        _until_up(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _until_up(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert requests.get(f"{url}/healthz", timeout=2).ok
            return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
    raise AssertionError("gunicorn did not answer")


def test_a_whole_table_arrives_whole(url: str) -> None:
    answer = requests.get(f"{url}/whole", timeout=10)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content.count(b"\r\n") == 3


def test_a_table_cut_short_is_a_broken_transfer(url: str) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = requests.get(f"{url}/broken", timeout=10).content


@pytest.mark.parametrize("noun", ["incidents", "readings"])
def test_ten_megabytes_are_answered_though_they_are_too_large(url: str, token: str, noun: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = requests.post(f"{url}{V1}/{noun}", data=b"[" + b" " * 10_000_000, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_ten_megabytes_in_pieces_of_unsaid_length_are_too_large_too(url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    pieces = (b" " * 100_000 for _ in range(100))
    answer = requests.post(f"{url}{V1}/readings", data=pieces, headers=headers, timeout=20)
    assert answer.status_code == 413


def test_who_sends_for_ever_is_cut_off(url: str, token: str) -> None:
    """A gigabyte is announced; after 32 MB or 2 s the answer comes."""
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"POST {V1}/readings HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as sender:
        sender.sendall(head.encode() + b"[" * 100_000)
        begun = time.monotonic()
        assert b" 413 " in sender.recv(4096)
        assert time.monotonic() - begun < 6
