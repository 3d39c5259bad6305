"""How far has a long import come, and in which pieces does it go?"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from typing import Any

from tqdm import tqdm

from data.ingest.files import Table

_OFTEN = 1_000  # rows between two looks at the position


def watched(table: Table, progress: bool) -> Table:
    """The same table with a bar on the terminal while its rows stream by."""

    def rows() -> Iterator[Any]:
        with closing(tqdm(total=table.size, disable=not progress, unit_scale=True, desc="read")) as bar:
            for number, row in enumerate(table.rows):
                if number % _OFTEN == 0:
                    bar.update(table.position() - bar.n)
                yield row
            bar.update(table.size - bar.n)

    return Table(table.columns, rows(), table.size, table.position)


@contextmanager
def counted_down(progress: bool) -> Iterator[Callable[[int], object]]:
    """A bar for work that says how much is left, which may grow while it is done; drawn when it begins."""
    with ExitStack() as drawn:
        bars: list[Any] = []

        def told(left: int) -> None:
            if not bars:
                bars.append(drawn.enter_context(tqdm(total=0, disable=not progress, desc="fold", unit="day")))
            (bar,) = bars
            bar.total = max(bar.total, bar.n + left)
            bar.update(bar.total - left - bar.n)

        yield told


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
