"""`python -m tests.simulation --seeds 0..999`: which seeds fail, and by which steps?"""

import argparse
import sys
import time

from tests.simulation.database import database
from tests.simulation.run import STEPS, run
from tests.simulation.shrink import shrunk, told
from tests.simulation.world import world


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seeds", type=seeds, default=seeds("100"), help="100 (the first), 17..17, 0..999")
    asked.add_argument("--steps", type=int, default=STEPS)
    asked.add_argument("--only", type=numbers, help="1,4,7: these steps of a seed and no others")
    asked.add_argument("--most", type=int, default=1000, help="how many failures are enough")
    given = asked.parse_args()
    failed, done, started = 0, 0, time.monotonic()
    with database(), world() as here:
        for seed in given.seeds:
            done += 1
            failure = run(here, seed, given.only or given.steps)
            if failure is not None:
                failed += 1
                say(told(*shrunk(here, failure)) if given.only is None else told(failure, given.only))
                if failed >= given.most:
                    break
    say(
        f"{done} seeds of {given.steps} steps in {time.monotonic() - started:.0f} s:"
        f" {failed or 'none'} failed"
    )
    return 1 if failed else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def seeds(text: str) -> range:
    first, dots, last = text.replace("-", "..").partition("..")
    return range(int(first), int(last) + 1) if dots else range(int(first))


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
