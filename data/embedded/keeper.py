"""Who stops PostgreSQL when nobody who needs it is left, however they died?

The keeper is the server's parent. Everyone who uses the server holds a shared lock on `users.lock`, which the
kernel gives back when a process ends, even by kill -9; the keeper waits for the exclusive one, and stops the
server when it gets it. When the keeper itself is killed, the kernel tells the server to shut down.
It runs as `python -IS keeper.py FOLDER SOCKET UID COMMAND…`: standard library only.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

PATIENCE = ((signal.SIGINT, 4.0), (signal.SIGQUIT, 1.5), (signal.SIGKILL, 1.0))  # fast, immediate, none
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


class _Gone(BaseException):
    """The server has ended, or the keeper is told to end it."""


def die_with(parent: int, sign: signal.Signals) -> None:
    """Called in a child: the kernel sends it `sign` when the thread that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), sign)


def lock(path: Path, how: int) -> IO[str]:
    """Held until the file is closed or the process ends; BlockingIOError when LOCK_NB finds it taken."""
    file = open(path, "a")  # noqa: SIM115
    try:
        fcntl.flock(file, how)
    except OSError:
        file.close()
        raise
    return file


def keep(folder: Path, socket: Path, uid: int, command: list[str]) -> None:
    """Until the server ends by itself or nobody uses it; the locks last until this process has ended."""
    held = [lock(folder / "keeper.lock", fcntl.LOCK_EX)]
    server = _launch(uid, command)
    try:
        _wake_when_gone(server.pid)
        held.append(lock(folder / "users.lock", fcntl.LOCK_EX))
    except _Gone:
        pass
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end(server)
    shutil.rmtree(socket, ignore_errors=True)


def _launch(uid: int, command: list[str]) -> subprocess.Popen[bytes]:
    drop = {} if uid == os.getuid() else {"user": uid, "group": uid, "extra_groups": []}
    server: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=partial(die_with, os.getpid(), signal.SIGINT),
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        umask=0o077,
        **drop,  # type: ignore[call-overload]
    )
    return server


def _wake_when_gone(pid: int) -> None:
    def wake(sign: int, _frame: FrameType | None) -> None:
        if sign == signal.SIGTERM or _ended(pid):
            raise _Gone

    signal.signal(signal.SIGCHLD, wake)
    signal.signal(signal.SIGTERM, wake)
    if _ended(pid):
        raise _Gone


def _ended(pid: int) -> bool:
    """A stopped child also sends SIGCHLD, and is not gone."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end(server: subprocess.Popen[bytes]) -> None:
    """First kindly, at last by kill -9: a crash loses nothing, the next start recovers."""
    for sign, patience in PATIENCE:
        server.send_signal(sign)
        try:
            server.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
