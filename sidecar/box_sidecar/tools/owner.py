"""As whom a command goes on that root has called."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path


def go_on_as_owner(file: Path) -> None:
    """Root needs no more than the service has, and sees what the service sees: go on as the user whose the file is."""
    with suppress(OSError, KeyError):  # what is wrong with the file is said when it is read
        account = pwd.getpwuid(file.stat().st_uid)
        if os.geteuid() == 0 and account.pw_uid != 0:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
