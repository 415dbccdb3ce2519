"""Web servers for a WordPress: PHP's built-in one, which needs nothing else, or nginx with PHP-FPM, as sites run it."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from intranet.process import Process, ProcessError

PHP_FILES = Path(__file__).parent / "php"


def php_settings(log: Path) -> dict[str, str]:
    """The php.ini settings that every PHP process of a site runs with."""
    return {
        "error_log": str(log),
        "log_errors": "1",
        "display_errors": "0",
        "memory_limit": "256M",
        "max_execution_time": "60",
        "post_max_size": "64M",
        "upload_max_filesize": "64M",
        "opcache.enable_cli": "1",
        "opcache.revalidate_freq": "0",
    }


def php_options(log: Path) -> list[str]:
    """The same as command-line options. What was compiled is kept: WordPress takes a process most of a second else."""
    compiled = log.parent / "opcache"
    compiled.mkdir(parents=True, exist_ok=True)
    settings = php_settings(log) | {"opcache.file_cache": str(compiled)}
    return [part for name, value in settings.items() for part in ("-d", f"{name}={value}")]


def php_server(docroot: Path, port: int, log_directory: Path) -> Process:
    """PHP's built-in server on that port of the loopback interface, with four workers."""
    options = php_options(log_directory / "php.log")
    server = Process(
        ["php", *options, "-S", f"127.0.0.1:{port}", "-t", docroot, PHP_FILES / "router.php"],
        log=log_directory / "server.log",
        cwd=docroot,
        env={"PHP_CLI_SERVER_WORKERS": "4"},
    )
    server.wait_for_port(port)
    return server


class Nginx:
    """Nginx on that port of the loopback interface, and PHP-FPM behind it; their files are in `directory`."""

    def __init__(self, docroot: Path, port: int, directory: Path, log_directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._parts = ExitStack()
        try:
            fpm = self._parts.enter_context(start_fpm(directory, log_directory))
            fpm.wait_until((directory / "fpm.sock").exists)
            nginx = self._parts.enter_context(start_nginx(docroot, port, directory, log_directory))
            nginx.wait_for_port(port)
        except BaseException:
            self._parts.close()
            raise

    def __enter__(self) -> Nginx:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parts.close()


def start_fpm(directory: Path, log_directory: Path) -> Process:
    """PHP-FPM on a socket, as the current user."""
    program = fpm_program()
    (directory / "fpm.sock").unlink(missing_ok=True)
    settings = "\n".join(
        f"php_admin_value[{name}] = {value}" for name, value in php_settings(log_directory / "php.log").items()
    )
    (directory / "fpm.conf").write_text(
        f"[global]\nerror_log = {log_directory}/fpm.log\ndaemonize = no\n"
        f"[www]\nlisten = {directory}/fpm.sock\npm = static\npm.max_children = 4\n"
        # FPM asks for a user when it is started by root, and --allow-to-run-as-root lets it be root.
        f"user = {os.geteuid()}\ngroup = {os.getegid()}\n{settings}\n"
    )
    root = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
    return Process([program, "--fpm-config", directory / "fpm.conf", *root], log=log_directory / "fpm.log")


def fpm_program() -> str:
    """Debian names PHP-FPM after its version."""
    programs = sorted(Path("/usr/sbin").glob("php-fpm*"))
    if not programs:
        raise ProcessError("php-fpm is not installed")
    return str(programs[-1])


def start_nginx(docroot: Path, port: int, directory: Path, log_directory: Path) -> Process:
    """Nginx as WordPress' handbook sets it up, with all its files in `directory`."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise ProcessError("nginx is not installed")
    temporary = "".join(
        f"    {module}_temp_path {directory}/{module};\n"
        for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root its workers would be nobody, who may read nothing here.
    user = "user root;" if os.geteuid() == 0 else ""
    # Under its own port WordPress would redirect for ever without the port in HTTP_HOST.
    (directory / "nginx.conf").write_text(
        f"""
{user}
daemon off;
pid {directory}/nginx.pid;
error_log {log_directory}/nginx.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types;
    access_log {log_directory}/server.log;
{temporary}
    gzip on;
    gzip_types text/css application/javascript application/json;
    client_max_body_size 64m;
    server {{
        listen 127.0.0.1:{port};
        root {docroot};
        index index.php;
        location / {{ try_files $uri $uri/ /index.php?$args; }}
        location ~ /\\. {{ deny all; }}
        location ~ \\.php$ {{
            try_files $uri =404;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param HTTP_HOST 127.0.0.1:{port};
            fastcgi_pass unix:{directory}/fpm.sock;
        }}
    }}
}}
"""
    )
    log = log_directory / "nginx.log"
    return Process([program, "-e", log, "-c", directory / "nginx.conf", "-p", directory], log=log)
