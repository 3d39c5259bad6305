"""How is an answer written, and how is a refusal (application/problem+json)?"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from data.domain.refusal import Refusal, problem_body
from data.queries.outage import OUTAGE, SPENT, is_broken, is_full

API = "/api/"
MACHINE = frozenset({"/healthz", "/readyz", "/metrics"})
RETRY_AFTER = 5
log = logging.getLogger("cityops.api")


def answer(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(payload), status, headers, content_type="application/json")


def language() -> str:
    return "en" if request.args.get("lang") == "en" else "zh"


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    body = problem_body(status, code, detail, _request_id(), errors, **more)
    return Response(orjson.dumps(body), status, headers, content_type="application/problem+json")


def _request_id() -> str:
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex
    found: str = g.request_id
    return found


def mount(server: Flask) -> None:
    server.register_error_handler(Refusal, of_refusal)
    server.register_error_handler(HTTPException, of_http)
    for outage in OUTAGE:
        server.register_error_handler(outage, of_outage)
    for spent in SPENT:
        server.register_error_handler(spent, of_spent)
    server.register_error_handler(Exception, of_defect)
    server.validation_error_callback = of_validation  # type: ignore[attr-defined]
    server.before_request(refuse_unknown)
    server.after_request(closed)


def of_refusal(refusal: Refusal) -> Response:
    detail = refusal.detail(language())
    errors = [error(refusal.code, detail, field=refusal.field, row=refusal.row)]
    more = {} if refusal.current is None else {"current": refusal.current}
    return problem(
        refusal.status, refusal.code, detail,
        errors=errors if refusal.field or refusal.row is not None else (),
        headers=_headers(refusal), **more,
    )  # fmt: skip


def error(code: str, detail: str, *, field: str | None = None, row: int | None = None) -> dict[str, Any]:
    found = {"field": field, "code": code, "detail": detail}
    return found if row is None else {"row": row, **found}


def _headers(refusal: Refusal) -> dict[str, str]:
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == HTTPStatus.UNAUTHORIZED else {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return headers


# ── what pydantic found ─────────────────────────────────────────────────────────────────────────
_WORDS = {
    "missing_field": ("缺少该项", "this is missing"),
    "extra_field": ("没有此项", "there is no such parameter or field"),
    "bad_value": ("该项的值不可用", "this value cannot be used"),
}
_CODES = {"missing": "missing_field", "extra_forbidden": "extra_field"}


def of_validation(wrong: ValidationError) -> Response:
    lang = 1 if language() == "en" else 0
    errors = []
    for found in wrong.errors(include_url=False, include_context=False, include_input=False):
        code = _CODES.get(found["type"], "bad_value")
        field = ".".join(str(part) for part in found["loc"])
        errors.append(error(code, _WORDS[code][lang], field=field))
    detail = f"{errors[0]['field']}: {errors[0]['detail']}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors[0]["code"], detail, errors=errors)


# ── what the server found ───────────────────────────────────────────────────────────────────────
_SAID = {
    400: ("bad_request", "请求无法理解", "the request is not understood"),
    404: ("not_found", "没有这个地址", "there is no such address"),
    405: ("method_not_allowed", "该地址不支持此方法", "this address does not take this method"),
    413: ("too_large", "请求过大", "the request is too large"),
    415: ("unsupported_media_type", "不支持此内容类型", "this content type is not taken"),
    429: ("too_many_requests", "请求过于频繁", "too many requests"),
}


def of_http(wrong: HTTPException) -> Response | HTTPException:
    """Pages show their own words; everything under /api and the machine's addresses is a problem."""
    if wrong.response is not None or not _is_ours(request.path):
        return wrong
    if isinstance(wrong, MethodNotAllowed):
        wrong = _unknown_or_not_allowed()
    status = wrong.code or 500
    code, zh, en = _SAID.get(status, (HTTPStatus(status).name.lower(), wrong.name, wrong.name))
    headers = {
        name: value for name, value in wrong.get_headers() if name in ("Allow", "Retry-After", "Location")
    }
    return problem(status, code, en if language() == "en" else zh, headers=headers)


def _is_ours(path: str) -> bool:
    return path.startswith(API) or path == API.rstrip("/") or path in MACHINE


def refuse_unknown() -> None:
    """Dash's catch-all takes every address; under /api only what a noun named exists."""
    rule = request.url_rule
    if request.path.startswith(API) and rule is not None and not rule.rule.startswith(API):
        raise _unknown_or_not_allowed()
    if "\0" in request.path:
        raise NotFound


def _unknown_or_not_allowed() -> HTTPException:
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    methods = [method for method in adapter.allowed_methods() if _is_ours(_rule(adapter, method))]
    return MethodNotAllowed(methods) if methods else NotFound()


def _rule(adapter: Any, method: str) -> str:
    try:
        return str(adapter.match(method=method, return_rule=True)[0].rule)
    except HTTPException:
        return ""


def of_outage(outage: Exception) -> ResponseReturnValue:
    """The database is away, busy or full: come again. A question whose connection broke is asked again."""
    if request.method == "GET" and is_broken(outage) and "asked_again" not in g:
        g.asked_again = True
        return _asked_again()
    log.warning("the database did not answer: %s", outage)
    if is_full(outage):
        detail = ("磁盘空间不足", "the disk is short of space")
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, "disk_short", detail[language() == "en"])
    detail = ("数据库暂时不可用", "the database does not answer for the moment")
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail[language() == "en"],
        headers={"Retry-After": str(RETRY_AFTER)},
    )  # fmt: skip


def _asked_again() -> ResponseReturnValue:
    try:
        return current_app.dispatch_request()
    except Exception as failed:
        return current_app.handle_user_exception(failed)


def of_spent(spent: Exception) -> Response:
    """A counter of the database has come to its end: nothing that people can do but call for help."""
    log.error("a counter is spent: %s", spent)
    detail = (
        "数据库的编号或计数已用尽，请联系管理员",
        "a counter of the database is spent; tell the administrator",
    )
    return problem(HTTPStatus.INSUFFICIENT_STORAGE, "spent", detail[language() == "en"])


def of_defect(defect: Exception) -> Response:
    """Ours alone; a page shows its own words."""
    if not _is_ours(request.path):
        raise defect
    log.exception("a defect in %s %s, request %s", request.method, request.path, _request_id())
    detail = ("服务器出错", "the server made a mistake")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", detail[language() == "en"])


def closed(response: Response) -> Response:
    """What the API says is never kept by anybody in between, and never read as something else."""
    if _is_ours(request.path):
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response
