"""The pictures of the plugin's page, made anew: ``make pictures``.

Banner and icon are drawn from the SVG files beside them, the screenshots are taken of the real thing
(browser/test_screenshots.py), and all go to wp-plugin/.wordpress-org, to be looked at before they are committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from intranet.browser import Browser
from intranet.release import REPOSITORY

PAGE = REPOSITORY / "wp-plugin/.wordpress-org"
DRAWN = {"icon": ((128, 128), (256, 256)), "banner": ((772, 250), (1544, 500))}
"""What wordpress.org takes: names and sizes in pixels."""


def draw(browser: Browser, name: str, size: tuple[int, int]) -> Path:
    """NAME.svg as NAME-WIDTHxHEIGHT.png."""
    width, height = size
    target = PAGE / f"{name}-{width}x{height}.png"
    with browser.tab(None, "http://127.0.0.1/", viewport=size) as tab:
        tab.page.goto((PAGE / f"{name}.svg").as_uri())
        tab.page.screenshot(path=target)
    return target


def take() -> list[Path]:
    """Screenshots of the product as it is."""
    folder = REPOSITORY / "dist/screenshots"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "tests/pytest.ini", "tests/browser/test_screenshots.py"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return [Path(shutil.copy(taken, PAGE)) for taken in sorted(folder.glob("screenshot-*.png"))]


def main() -> None:
    with Browser() as browser:
        made = [draw(browser, name, size) for name, sizes in DRAWN.items() for size in sizes]
    for path in [*made, *take()]:
        print(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
