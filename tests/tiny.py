"""What stands in tests/city, what happens there, and how is a 汉字 known?"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

TIERS = (
    "99/",
    "99/9901/",
    "99/9901/9901-1/",
    "99/9901/9901-1/9901-1-1/",
    "99/9901/9901-1/9901-1-1/9901-1-1-1/",
)
"""One place of every tier, each in the one before it."""
SIBLING = "99/9902/"
HAN = re.compile(r"[\u4e00-\u9fff]")


class Posts(Protocol):
    def post(self, path: str, rows: object) -> Any: ...


def file_case(server: Posts, key: str, **more: object) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=9)).isoformat()
    case = {"source": "test", "source_id": key, "class": "E0506", "place": "9901-1-1-1", "at": at}
    server.post("incidents", case | {"severity": 2, "description": ""} | more)
