"""What may a page of ours load and run?"""

from dash import Dash
from flask import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' {hashes}",
        "style-src-elem 'self' 'unsafe-inline'",
        "style-src-attr 'none'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def csp(app: Dash) -> None:
    """Adds the policy to every page. The hashes of inline scripts are complete only after Dash has seen its
    first request, so they are counted at the first answer and not at import."""
    known: list[str] = []

    def add(response: Response) -> Response:
        if response.mimetype == "text/html":
            if not known:
                known.append(POLICY.format(hashes=" ".join(dict.fromkeys(app.csp_hashes()))))
            response.headers["Content-Security-Policy"] = known[0]
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    app.server.after_request(add)
