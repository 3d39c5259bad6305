"""How does chance fall, so that the same seed, series and moment always draw the same number?

Counter-based: a number is a hash of (key, counter), never the next one of a stream.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_PIECE = np.uint64(0xFFFF)


def key(*words: object) -> int:
    """64 bits of their own for these words."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def keys(*columns: Any) -> Keys:
    """One key a row; a column that is a single word stands in every row."""
    rows = max(len(column) for column in columns if isinstance(column, list))
    spread = [column if isinstance(column, list) else [column] * rows for column in columns]
    return np.array([key(*words) for words in zip(*spread, strict=True)], dtype=np.uint64)


def draw(keys: Keys, counters: Ints) -> Keys:
    """64 random bits for each key and counter, broadcast against each other."""
    with np.errstate(over="ignore"):
        bits = keys + counters.astype(np.uint64) * _GOLDEN
        bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
        bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)


def uniform(keys: Keys, counters: Ints) -> Floats:
    return np.asarray((draw(keys, counters) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def normal(keys: Keys, counters: Ints) -> Floats:
    """Nearly normal and never beyond 3.5: calm days have no wild tails."""
    bits = draw(keys, counters)
    total = sum(((bits >> np.uint64(16 * n)) & _PIECE).astype(np.float64) for n in range(4))
    return np.asarray((total / 65536.0 - 2.0) * np.sqrt(3.0), dtype=np.float64)


def drift(keys: Keys, at: Ints, step: int) -> Floats:
    """A slow wander of unit spread that takes about `step` seconds to forget itself."""
    knot, rest = np.divmod(at, step)
    share = rest / step
    weight = share * share * (3.0 - 2.0 * share)
    low, high = normal(keys, knot), normal(keys, knot + 1)
    return np.asarray((low * (1.0 - weight) + high * weight) / np.sqrt(weight**2 + (1.0 - weight) ** 2))


def poisson(keys: Keys, counters: Ints, mean: Floats) -> Floats:
    """Counts with these means; above 30 a rounded normal. Of small means never more than 19."""
    chance = uniform(keys, counters)
    small = np.minimum(mean, 30.0)
    term = np.exp(-small)
    below = term.copy()
    count = np.zeros(np.broadcast(chance, mean).shape)
    for number in range(1, 60 if np.size(small) and small.max() > 5 else 20):
        count += chance > below
        term = term * small / number
        below = below + term
    count = np.where(small > 5, count, np.minimum(count, 19))
    large = np.maximum(0.0, np.rint(mean + np.sqrt(mean) * normal(keys, counters)))
    return np.where(mean > 30.0, large, count)
