"""Mutation testing of what decides who gets which token: `make mutation`, by hand, some ten minutes.

mutmut changes one thing after the other; the tests that run in one process must notice. It wants the code and the
tests in one folder of their own, which this makes. Prints the score, and the survivors as differences.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / ".cache" / "mutation"
MODULES = ("issuer", "minter", "paths", "policy", "revocation")
TESTS = ("__init__.py", "scripted_box.py", "test_rules.py", "test_stories.py")
GOAL = 0.85

SETTINGS = """\
[mutmut]
source_paths=box_sidecar
only_mutate=
{modules}
do_not_mutate_patterns=
    log\\.
also_copy=tests
pytest_add_cli_args_test_selection=tests/sidecar
pytest_add_cli_args=
    -p
    no:cacheprovider
"""


def prepare() -> None:
    """The code and the tests that need nothing but this process, side by side."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(REPOSITORY / "sidecar" / "box_sidecar", FOLDER / "box_sidecar")
    (FOLDER / "tests" / "sidecar").mkdir(parents=True)
    for name in TESTS:
        shutil.copy(REPOSITORY / "tests" / "sidecar" / name, FOLDER / "tests" / "sidecar")
    (FOLDER / "pytest.ini").write_text("[pytest]\npythonpath = tests\n")
    modules = "\n".join(f"    box_sidecar/{module}.py" for module in MODULES)
    (FOLDER / "setup.cfg").write_text(SETTINGS.format(modules=modules))


def results() -> dict[str, str]:
    """What became of each mutant: mutmut's word, like ``killed`` or ``survived``."""
    told = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.split(":") for line in told.stdout.splitlines() if ": " in line)
    return {name.strip(): outcome.strip() for name, outcome in lines}


def main() -> int:
    """Run, and judge: 0 if the goal is reached."""
    prepare()
    subprocess.run([sys.executable, "-m", "mutmut", "run"], cwd=FOLDER, check=False)
    found = results()
    outcomes = Counter(found.values())
    noticed = outcomes["killed"] + outcomes["timeout"]
    for name in [name for name, outcome in found.items() if outcome not in {"killed", "timeout"}]:
        subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=FOLDER, check=False)
    print(json.dumps(outcomes))
    print(f"noticed: {noticed} of {len(found)}, {noticed / len(found):.0%}; the goal is {GOAL:.0%}")
    return 0 if noticed / len(found) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
