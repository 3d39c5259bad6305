"""What changed between two states of a page?"""

from typing import Any

State = dict[str, Any]
Row = dict[str, Any]


def between(old: State, new: State) -> dict[str, Any] | None:
    """`{set, rows}` that makes the new state out of the old one, none when they are equal."""
    put, rows = {}, {}
    for key, value in new.items():
        if key in old and old[key] == value:
            continue
        if _keyed(key, old.get(key)) and _keyed(key, value):
            rows[key] = _of_rows(old[key], value)
        else:
            put[key] = value
    return {"set": put, "rows": rows} if put or rows else None


def _keyed(key: str, value: object) -> bool:
    """A list whose every row has an id of its own."""
    if not key.startswith(("rows.", "layer.")) or not isinstance(value, list):
        return False
    ids = [row.get("id") if isinstance(row, dict) else None for row in value]
    return all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids)


def _of_rows(old: list[Row], new: list[Row]) -> dict[str, Any]:
    before = {row["id"]: row for row in old}
    order = [row["id"] for row in new]
    wanted = set(order)
    change: dict[str, Any] = {
        "put": [row for row in new if before.get(row["id"]) != row],
        "drop": [one for one in before if one not in wanted],
    }
    return change if order == list(before) else change | {"order": order}
