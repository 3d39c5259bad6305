"""How long are our functions and files? Printed by `make check`, not gated."""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def functions(tree: ast.AST) -> Iterator[int]:
    """Lines of each function, decorators and docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            quoted = 1 if ast.get_docstring(node) is not None and len(node.body) > 1 else 0
            first = node.body[quoted].lineno
            yield (node.end_lineno or first) - first + 1 + (node.body[0].lineno - node.lineno)


def main() -> None:
    files = [
        ROOT / "app.py",
        *(p for top in ("pages", "components", "data") for p in (ROOT / top).rglob("*.py")),
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    lengths = sorted(length for text in texts.values() for length in functions(ast.parse(text)))
    lines = {path: text.count("\n") for path, text in texts.items()}
    longest = sorted(lines, key=lambda path: -lines[path])[:5]
    p95 = lengths[round(0.95 * (len(lengths) - 1))]
    sys.stdout.write(
        f"functions: {len(lengths)}, median {statistics.median(lengths):g} lines, 95 % within {p95},"
        f" longest {lengths[-1]}\n"
        f"files: {len(files)}, median {statistics.median(lines.values()):g}, {sum(lines.values())} in all,"
        f" longest {', '.join(f'{path.relative_to(ROOT)} {lines[path]}' for path in longest)}\n"
    )


if __name__ == "__main__":
    main()
