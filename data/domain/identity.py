"""Which id does a new row get?"""

import os
from datetime import UTC, datetime
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(at: datetime) -> UUID:
    """Version 7 of RFC 9562: milliseconds, then 74 bits of chance, so that ids rise with time."""
    elapsed = at - _EPOCH
    milliseconds = elapsed.days * 86_400_000 + elapsed.seconds * 1000 + elapsed.microseconds // 1000
    chance = int.from_bytes(os.urandom(10))
    high = chance >> 68
    low = chance & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
