"""Why was something refused, in words for people and a code for programs?"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any


class Refusal(Exception):
    """Bad input or a rule that says no. `code` is stable English, `status` the HTTP status of the answer."""

    def __init__(
        self,
        code: str,
        zh: str,
        en: str,
        *,
        status: int = 422,
        field: str | None = None,
        row: int | None = None,
        current: object = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en
        self.status = status
        self.field = field
        self.row = row
        self.current = current
        self.retry_after = retry_after

    def detail(self, lang: str) -> str:
        return self.en if lang == "en" else self.zh


def problem_body(
    status: int, code: str, detail: str, request: str, errors: Sequence[Any] = (), **more: Any
) -> dict[str, Any]:
    """The body of application/problem+json (RFC 9457)."""
    return {
        "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
        "code": code, "errors": list(errors), "request": request, **more,
    }  # fmt: skip


def no_city() -> Refusal:
    return Refusal("no_city", "尚未装入城市", "no city is loaded", status=503, retry_after=5)


def unknown_place(code: str, *, status: int = 422, row: int | None = None) -> Refusal:
    return Refusal(
        "unknown_place", f"没有代码为 {code} 的地方", f"no place has the code {code}",
        status=status, field="place", row=row,
    )  # fmt: skip


def unknown_sign(code: str, *, status: int = 422, row: int | None = None) -> Refusal:
    return Refusal(
        "unknown_sign", f"没有代码为 {code} 的体征", f"no sign has the code {code}",
        status=status, field="sign", row=row,
    )  # fmt: skip
