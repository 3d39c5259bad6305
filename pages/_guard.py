"""Does this address exist? Dash would answer 200 to anything."""

from http import HTTPStatus
from urllib.parse import unquote

from dash import Dash
from flask import Response, redirect, request
from markupsafe import escape
from werkzeug.wrappers import Response as Answer

from components import text
from data import live
from data.domain.refusal import Refusal
from data.queries import city
from data.queries.outage import OUTAGE

CATCH_ALL = frozenset({"/", "/<path:path>"})

NOTICE = """<!DOCTYPE html>
<html lang="{tag}" data-skin="dark"><head><meta charset="utf-8"><title>{title} · {product}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/theme.css"><link rel="stylesheet" href="/assets/frame.css">
<script src="/assets/theme.js"></script></head>
<body><main class="main" id="main"><h1>{title}</h1><div class="said error" role="status"><p>{why}</p></div>
<p><a class="act" href="{home}">{way}</a></p></main></body></html>"""


def mount(app: Dash) -> None:
    """Stands before Dash: `/` leads to the whole city, an unknown page, place or id answers 404."""
    app.server.before_request(known_address)


def known_address() -> Answer | None:
    if request.url_rule is None or request.url_rule.rule not in CATCH_ALL:
        return None
    try:
        city.city_row()  # while none is loaded nothing is unknown yet
        return _way(unquote(request.path).strip("/"))
    except Refusal as refusal:
        return notice(refusal, text.language(request.args.get("lang")))
    except OUTAGE:
        return None  # the page itself shows its last picture, or says that there is none


def _way(path: str) -> Answer | None:
    name, _, subject = (path or "overview").partition("/")
    page = next((page for page in live.pages() if page.name == name), None)
    if page is None:
        raise Refusal("not_found", "没有这个地址", "there is no such address", status=404)
    try:
        page.subject(subject, live.viewer())
    except Refusal:
        if subject:
            raise
        return redirect(_with_query(f"/{name}/{city.city_row()['root']}"))
    return None


def _with_query(path: str) -> str:
    query = request.query_string.decode()
    return f"{path}?{query}" if query else path


def notice(refusal: Refusal, lang: str) -> Response:
    """A page that says what is wrong and one way on."""
    missing = refusal.status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    said = {
        "tag": "en" if lang == "en" else "zh-CN",
        "title": text.say(lang, _title(refusal, missing)),
        "product": text.say(lang, "word.product"),
        "why": refusal.detail(lang),
        "way": text.say(lang, "word.to_city"),
        "home": "/?lang=en" if lang == "en" else "/",
    }
    body = NOTICE.format(**{name: escape(words) for name, words in said.items()})
    again = {} if refusal.retry_after is None else {"Refresh": "2", "Retry-After": str(refusal.retry_after)}
    return Response(body, HTTPStatus.NOT_FOUND if missing else refusal.status, again, mimetype="text/html")


def _title(refusal: Refusal, missing: bool) -> str:
    if refusal.retry_after is not None:
        return "word.loading"
    return "word.not_found" if missing else "word.refused"
