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


def test_nothing_private_of_the_sidecar_is_used() -> None:
    """What a test needs of it has a name for everybody."""
    found = set()
    for path in MODULES:
        module = ast.parse(path.read_text())
        ours = set()
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "box_sidecar":
                found |= {f"{path.name}: {node.module}.{alias.name}" for alias in node.names if _is_private(alias.name)}
                ours |= {alias.asname or alias.name for alias in node.names}
        found |= {
            f"{path.name}: {node.value.id}.{node.attr}"
            for node in ast.walk(module)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if node.value.id in ours and _is_private(node.attr)
        }
    assert found == set()


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
