"""How does a process write its log?"""

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback


def mount() -> None:
    """Tracebacks as Python writes them: with the values of variables a password would stand in them."""
    *others, _ = structlog.get_config()["processors"]
    structlog.configure(processors=[*others, ConsoleRenderer(exception_formatter=plain_traceback)])
