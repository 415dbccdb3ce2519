"""The repository's docker-compose.yml, run by podman: its images built as they are, on bases of Debian's packages.

Nothing is pulled: `python`, `wordpress` and `mariadb` are stand-ins of the same names. Theirs is to bring Python and
wheels, Apache with PHP and WordPress' files, and MariaDB, and to heed the variables that the compose file sets.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import TracebackType
from typing import Self

from intranet.container import KEPT, NoContainers, Podman, debian
from intranet.process import ProcessError
from intranet.release import REPOSITORY, document_root, made_once

PYTHON = "python3,python3-venv,ca-certificates"
WEB = "apache2,libapache2-mod-php,php-curl,php-mysql,php-xml,php-mbstring,mariadb-server,ca-certificates"
SIDECAR_BASE = """FROM localhost/bookworm
RUN python3 -m venv /usr/local
COPY wheels /var/cache/wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/var/cache/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
"""
WEB_BASE = """FROM localhost/trixie
COPY wordpress /usr/src/wordpress
COPY start /usr/local/bin/start
CMD ["sh", "/usr/local/bin/start"]
"""
#: What of the real images' own start the compose file relies on.
START = r"""set -e
if [ "$MARIADB_DATABASE" ]; then
    install -d -o mysql /run/mysqld
    mariadb-install-db --user=mysql --datadir=/var/lib/mysql >/dev/null
    password=$(cat "$MARIADB_PASSWORD_FILE")
    cat > /run/first.sql <<END
CREATE DATABASE $MARIADB_DATABASE;
CREATE USER $MARIADB_USER@'%' IDENTIFIED BY '$password';
GRANT ALL ON $MARIADB_DATABASE.* TO $MARIADB_USER@'%';
END
    chown mysql /run/first.sql
    exec mariadbd --user=mysql --bind-address=0.0.0.0 --init-file=/run/first.sql
fi
cp -R --update=none /usr/src/wordpress/. /var/www/html/
cat > /var/www/html/wp-config.php <<'END'
<?php
foreach ( array( 'HOST', 'NAME', 'USER' ) as $name ) { define( "DB_$name", getenv( "WORDPRESS_DB_$name" ) ); }
define( 'DB_PASSWORD', rtrim( file_get_contents( getenv( 'WORDPRESS_DB_PASSWORD_FILE' ) ), "\r\n" ) );
eval( (string) getenv( 'WORDPRESS_CONFIG_EXTRA' ) );
$table_prefix = 'wp_';
require_once __DIR__ . '/wp-settings.php';
END
cat > /var/www/html/.htaccess <<'END'
RewriteEngine On
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
END
chown -R www-data /var/www/html/wp-content/uploads
sed -i 's#AllowOverride None#AllowOverride All#' /etc/apache2/apache2.conf
a2enmod --quiet rewrite
touch /run/laid-out
exec apachectl -D FOREGROUND
"""


class Compose(Podman):
    """The services of the compose file, a context manager; `home` also holds the secret that it names."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        # As in a checkout: the compose file, and what it makes images of.
        self.folder = home / "checkout"
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for name in ("sidecar", "tests/box_emulator", "wp-plugin"):
            shutil.copytree(REPOSITORY / name, self.folder / name, ignore=ignore)
        for name in ("docker-compose.yml", ".dockerignore", "tests/demo.lock"):
            shutil.copy(REPOSITORY / name, self.folder / name)
        password = self.folder / "db_password"
        password.write_text("long-and-random")
        os.chown(password, 33, 33)
        password.chmod(0o400)

    def __enter__(self) -> Self:
        self._base("bookworm", PYTHON, SIDECAR_BASE, {"wheels": wheelhouse()}, "python:3.11-slim-bookworm")
        (self.home / "start").write_text(START)
        parts = {"wordpress": document_root("6.8"), "start": self.home / "start"}
        self._base("trixie", WEB, WEB_BASE, parts, "wordpress:6.8-php8.3-apache", "mariadb:11.4")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(3):  # one whose network others use goes after them
            if self.command("podman", *self.options, "rm", "--all", "--force", "--time=0").returncode == 0:
                break
        self.close()

    def compose(self, *words: str) -> str:
        """What podman-compose prints.

        :raises ProcessError: it failed
        """
        program = [sys.executable, "-m", "podman_compose", f"--podman-args={shlex.join(self.options)}"]
        file = ["--in-pod=false", "--project-name=wfb", f"--file={self.folder}/docker-compose.yml", "--profile=try"]
        done = self.command(*program, *file, *words)
        if done.returncode != 0:
            raise ProcessError(f"podman-compose {shlex.join(words)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def run(self, service: str, script: str, user: str = "0") -> str:
        """What a script of the shell prints in the container of a service."""
        return self.podman("exec", f"--user={user}", f"wfb_{service}_1", "sh", "-ec", script)

    def _base(self, release: str, include: str, recipe: str, parts: dict[str, Path], *names: str) -> None:
        """Stand-ins of these names: a Debian with these packages, and these files in it."""
        context = self.home / release
        context.mkdir()
        (context / "Dockerfile").write_text(recipe)
        for name, path in parts.items():
            if path.is_dir():
                shutil.copytree(path, context / name)
            else:
                shutil.copy(path, context / name)
        tree = shlex.quote(str(debian(release, include)))
        words = shlex.join(["podman", *self.options, "import", "--quiet", "-", f"localhost/{release}"])
        done = self.command("sh", "-ec", f"tar -C {tree} -c . | {words}")
        if done.returncode != 0:
            raise ProcessError(done.stderr)
        tags = [f"--tag=docker.io/library/{name}" for name in names]
        self.podman("build", "--quiet", "--format=docker", *tags, str(context))


def wheelhouse() -> Path:
    """All that the images install, for their Python: downloaded once, and kept.

    :raises NoContainers: it can't be had
    """
    locks = [REPOSITORY / "sidecar/requirements.lock", REPOSITORY / "tests/demo.lock"]
    project = tomllib.loads((REPOSITORY / "sidecar/pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *(path.read_text() for path in locks)]
    kept = KEPT / f"wheels-{hashlib.sha256(repr(wanted).encode()).hexdigest()[:8]}"
    with made_once(kept) as made:
        if made is not None:
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
            platforms = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
            only = ["--only-binary=:all:", "--python-version=3.11", *platforms, "--dest", str(made)]
            for words in (["-r", str(locks[0])], ["-r", str(locks[1])], project["build-system"]["requires"]):
                done = subprocess.run([*pip, *only, *words], capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise NoContainers(done.stderr)
    return kept
