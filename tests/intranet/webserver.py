"""Web servers for a WordPress: PHP's built-in one, which needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from intranet.process import Process

PHP_FILES = Path(__file__).parent / "php"


class WebServer(Protocol):
    """What serves a document root until it is stopped."""

    def stop(self) -> None:
        """End it and all its workers."""


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
    """The same as command-line options."""
    return [part for name, value in php_settings(log).items() for part in ("-d", f"{name}={value}")]


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
