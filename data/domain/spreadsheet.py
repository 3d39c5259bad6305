"""How does text stand in a cell so that a spreadsheet takes it for nothing else?"""

import re

FORMULA = "=+-@\t\r"  # what it would run begins so
LONG = 12  # digits; it would round so many, and leave out a 0 before others
NO_DIGIT = "[^0-9]"
HARMLESS = "A"  # whatever begins with this or any later character stays as it is


def cell(text: str) -> str:
    """`'` before what it would run, `="…"` around digits that are a name and no number."""
    if text >= HARMLESS:
        return text
    if text.startswith(tuple(FORMULA)):
        return f"'{text}"
    is_code = len(text) >= LONG or (len(text) > 1 and text.startswith("0"))
    return f'="{text}"' if is_code and not re.search(NO_DIGIT, text) else text
