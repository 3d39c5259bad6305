"""How many streams has an address, and may it have another?"""

from collections import Counter
from threading import Lock

from data.domain.refusal import Refusal

AGAIN_SECONDS = 10


class Quota:
    """Of this process. `most` is asked anew each time."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, address: str, most: int) -> None:
        with self._lock:
            if self._taken[address] >= most:
                raise Refusal(
                    "too_many_requests", "此地址的实时通道已满，请轮询",
                    "no more live streams for this address, poll instead",
                    status=429, retry_after=AGAIN_SECONDS,
                )  # fmt: skip
            self._taken[address] += 1

    def free(self, address: str) -> None:
        with self._lock:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
