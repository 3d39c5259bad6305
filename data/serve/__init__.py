"""How does gunicorn serve the web application? (`gunicorn --config python:data.serve app:server`)"""

import gc
import os
import resource
import signal
from typing import TYPE_CHECKING

from data import cache
from data.config import settings
from data.embedded import keeper

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

bind = settings().url.removeprefix("http://")
workers = settings().workers
worker_class = "data.serve.worker.Worker"
worker_connections = 8_192
threads = settings().threads
preload_app = True  # a worker that was killed is replaced by a fork, not by importing everything again
sendfile = False  # what a client does not take at once is kept for it, so no thread waits
timeout = 30
graceful_timeout = 2
keepalive = 15
backlog = 1024
accesslog = None
loglevel = "warning"
control_socket_disable = True
forwarded_allow_ips = ",".join(str(network) for network in settings().proxy)
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(settings().home)


def post_fork(_server: "Arbiter", worker: "Worker") -> None:
    """A worker without its master would hold the port; every connection is a file; what was imported stays,
    so that nobody looks through it again and again for what could go."""
    gc.freeze()
    keeper.die_with(worker.ppid, signal.SIGKILL)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def on_exit(_server: "Arbiter") -> None:
    """The last of the workers has ended."""
    cache.clear_up()
