"""Which of the steps before a failure does it need?"""

import time
from collections.abc import Sequence
from itertools import zip_longest

from tests.simulation.run import Failure, run
from tests.simulation.world import World


def shrunk(world: World, failure: Failure, *, seconds: float = 60.0) -> tuple[Failure, Sequence[int]]:
    """The same failure after fewer steps, and their numbers: pieces are left out while it still fails so."""
    deadline = time.monotonic() + seconds
    kept = list(range(failure.step + 1))
    size = len(kept) // 2
    while size and time.monotonic() < deadline:
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            again = run(world, failure.seed, fewer) if fewer else None
            if again is not None and again.kind == failure.kind:
                kept, failure = [number for number in fewer if number <= again.step], again
                break
        else:
            size //= 2
    return failure, kept


def told(failure: Failure, kept: Sequence[int]) -> str:
    """For a person: the seed, the steps that it takes, and what was wrong after the last."""
    named = zip_longest(map(str, kept), failure.told, fillvalue="end")
    steps = "\n".join(f"  {number:>3}  {words}" for number, words in named)
    wrong = "\n".join(f"  - {complaint}" for complaint in failure.complaints[:8])
    numbers = ",".join(map(str, kept))
    return (
        f"seed {failure.seed} fails at step {failure.step}; needed are\n{steps}\nand then\n{wrong}\n"
        f"again: python -m tests.simulation --seeds {failure.seed}..{failure.seed} --only {numbers}"
    )
