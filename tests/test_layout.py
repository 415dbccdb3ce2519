"""The tests keep rules of their own, so that each module can be read, run and moved by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
MODULES = sorted(path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each name that a module imports: the module it comes from, and the name in it, empty for a whole module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_no_module_imports_tests() -> None:
    """What several need is in a support.py or a conftest.py."""
    found = {
        f"{path.relative_to(TESTS)}: {module} {name}".strip()
        for path in MODULES
        for module, name in imports(path)
        if any(part.startswith("test_") for part in (*module.split("."), name))
    }
    assert found == set()
