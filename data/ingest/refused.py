"""What became of the rows of a file, and where are those that were refused?"""

import csv
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from data.domain import spreadsheet
from data.ingest.files import Refused

_COLUMNS = ("row", "field", "code", "detail")


class Summary(AbstractContextManager["Summary"]):
    """received = stored + same + rejected. `FILE.refused.csv` appears with its first row.

    It lies beside the file, or in the working directory where the file's folder cannot be written.
    """

    def __init__(self, file: Path, counted: str = "rows") -> None:
        self.stored = self.same = 0
        self.reasons: Counter[str] = Counter()
        self.refused_file: Path | None = None
        self._file = file
        self._counted = counted
        self._out: IO[str] | None = None
        self._rows: Any = None

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    @property
    def received(self) -> int:
        return self.stored + self.same + self.rejected

    def __str__(self) -> str:
        told = (
            f"{self.received:,} {self._counted} received = {self.stored:,} stored + {self.same:,} same"
            f" + {self.rejected:,} rejected"
        )
        if not self.refused_file:
            return told
        reasons = ", ".join(f"{code} {count:,}" for code, count in self.reasons.most_common())
        return f"{told} ({reasons}), named in {self.refused_file}"

    def refuse(self, refused: Refused) -> None:
        self.reasons[refused.code] += 1
        if self._rows is None:
            self._begin()
        words = (refused.field, refused.code, refused.detail)
        self._rows.writerow([refused.row, *map(spreadsheet.cell, words)])

    def _begin(self) -> None:
        name = f"{self._file.name}.refused.csv"
        try:
            self._out = self._open(self._file.with_name(name))
        except OSError:
            self._out = self._open(Path.cwd() / name)
        self._rows = csv.writer(self._out)
        self._rows.writerow(_COLUMNS)

    def _open(self, path: Path) -> IO[str]:
        opened = path.open("w", encoding="utf-8", newline="")
        self.refused_file = path
        return opened

    def __enter__(self) -> Self:
        """An older run's refused rows would be mistaken for this one's."""
        old = self._file.with_name(f"{self._file.name}.refused.csv")
        try:
            old.unlink(missing_ok=True)
        except OSError:
            (Path.cwd() / old.name).unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._out:
            self._out.close()
