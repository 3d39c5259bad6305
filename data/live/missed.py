"""Was there news that never arrived?"""

GRACE_SECONDS = 1.0  # between a number is given out and its transaction is committed and heard


class Missed:
    """All news is numbered before it is committed. What was given out a while ago and is still unheard was
    lost, or its transaction was undone, which is rare: then something is computed once too often."""

    def __init__(self, last: int, at: float) -> None:
        self._settled = self._given = last
        self._given_at = at
        self._heard: set[int] = set()

    def hear(self, number: int) -> None:
        self._heard.add(number)

    def look(self, last: int, at: float) -> bool:
        """`last` = the newest number given out. Answers True once for news that was missed."""
        if at - self._given_at < GRACE_SECONDS:
            return False
        found = any(number not in self._heard for number in range(self._settled + 1, self._given + 1))
        self._settled = self._given
        self._given, self._given_at = last, at
        self._heard = {number for number in self._heard if number > self._settled}
        return found
