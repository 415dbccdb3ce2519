"""``python -m box_sidecar`` is ``box-sidecar``."""

from box_sidecar.cli import main

main()
