"""The command line, and what it says of a configuration that is wrong: the key, the line, and how to mend it."""

from __future__ import annotations

import grp
import json
import os
import shutil
import stat
import struct
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from box_sidecar.cli import parser
from box_sidecar.loaded import load
from box_sidecar.problems import ConfigError
from box_sidecar.settings import Settings
from cli_pages import commands
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar

COMMANDS = commands(parser())


def run(*arguments: str | Path, **details: Any) -> subprocess.CompletedProcess[str]:
    command = [box_sidecar(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **details)


@pytest.fixture
def config(box: EmulatorProcess, tmp_path: Path) -> Path:
    """A configuration that works, its JSON beside it."""
    shutil.copy(box.app_config, tmp_path / "box_config.json")
    path = tmp_path / "box-sidecar.toml"
    socket = f"/tmp/{tmp_path.parent.name[-8:]}-{os.getpid()}.sock"
    path.write_text(f'[box]\napi_url = "{box.url}"\n\n[server]\nsocket = "{socket}"\n')
    return path


def refused(config: Path, *words: str) -> str:
    """What is said of a configuration that can't be used, in one line; the commands print it, as the next test sees."""
    with pytest.raises(ConfigError) as raised:
        load(config)
    told = str(raised.value)
    assert len(told.splitlines()) == 1
    for word in words:
        assert word in told
    return told


@pytest.mark.parametrize("command", ["serve", "check", "token --login ana@example.com --element explorer"])
def test_every_command_says_what_is_wrong_with_a_configuration_and_ends_with_2(command: str, config: Path) -> None:
    config.write_text("[box]\nurl = 1\n")
    ended = run(*command.split(), "--config", config)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"box-sidecar: {refused(config, 'line 2', 'box.url')}\n"


def test_the_printed_configuration_is_the_defaults_key_by_key() -> None:
    ended = run("config")
    assert (ended.returncode, ended.stderr) == (0, "")
    printed = tomllib.loads(ended.stdout)
    assert printed == msgspec.to_builtins(Settings())
    for table in printed.values():
        for key in table:
            position = (
                ended.stdout.index(f"\n{key} =") if f"\n{key} =" in ended.stdout else ended.stdout.index(f".{key}]")
            )
            assert "#" in ended.stdout[max(0, position - 400) : position], key


def test_version_and_help_are_everywhere() -> None:
    version = run("--version")
    assert version.returncode == 0 and version.stdout.startswith("box-sidecar ")
    whole = run("--help")
    for command in COMMANDS:
        told = run(command, "--help")
        assert told.returncode == 0 and told.stdout.startswith(f"usage: box-sidecar {command} ")
        assert f"    {command}" in whole.stdout
    bare = run()
    assert (bare.returncode, bare.stdout, bare.stderr) == (0, whole.stdout, ""), "as docker and kubectl have it"
    assert run("serve").returncode == 2
    unknown = run("sevre")
    assert unknown.returncode == 2 and "invalid choice: 'sevre'" in unknown.stderr


@pytest.mark.parametrize("command", ["serve", "check", "token --login ana@example.com --element explorer"])
def test_without_config_it_is_the_one_in_etc(command: str) -> None:
    usual = "/etc/box-sidecar/box-sidecar.toml"
    assert not Path(usual).exists()
    ended = run(*command.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    cause, hint = ended.stderr.splitlines()
    assert cause == f"box-sidecar: {usual}: can't be read: No such file or directory"
    assert "--config FILE" in hint


@pytest.mark.parametrize(
    ("toml", "line", "words"),
    [
        ("[box]\n\n# here\napp_conf = 'x'\n", 4, ["box.app_conf", "unknown key"]),
        ("[boxes]\n", 1, ["boxes", "unknown key"]),
        ("[policy]\n[policy.elements]\nexplorer = []\nmetadata = []\n", 4, ["policy.elements.metadata"]),
        ("[policy.elements]\nuploader = ['item_delete']\n", 2, ["policy.elements.uploader", "item_delete"]),
        ("[box]\ntimeout_s = 'soon'\n", 2, ["box.timeout_s", "`float`"]),
        ("[box]\ntimeout_s = 0\n", 2, ["box.timeout_s"]),
        ("[box]\ntimeout_s = nan\n", 2, ["box.timeout_s"]),
        ("[box]\ntimeout_s = inf\n", 2, ["box.timeout_s"]),
        ("[box]\napi_url = 'http://api.box.com'\n", 2, ["box.api_url", "loopback"]),
        ("[box]\napi_url = 'http://127.0.0.1.evil.example'\n", 2, ["box.api_url"]),
        ("[box]\napi_url = 'http://127.999.999.999'\n", 2, ["box.api_url", "loopback"]),
        ("[box]\napi_url = 'ftp://api.box.com'\n", 2, ["box.api_url"]),
        ("[box]\napi_url = 'https://user:pw@api.box.com'\n", 2, ["box.api_url"]),
        ("[box]\napi_url = 'https://api.box.com:99999'\n", 2, ["box.api_url", "port"]),
        ("[box]\napi_url = 'https://api.box .com'\n", 2, ["box.api_url"]),
        ('[box]\napp_config = "a\\u0000b"\n', 2, ["box.app_config"]),
        ("[server]\nsocket_mode = '999'\n", 2, ["server.socket_mode", "octal"]),
        ("[server]\nsocket_mode = 432\n", 2, ["server.socket_mode"]),
        ("[server]\nsocket = 'relative.sock'\n", 2, ["server.socket", "absolute"]),
        ("[server]\nallowed_users = [true]\n", 2, ["server.allowed_users"]),
        ("[policy]\ndenied_roles = ['owner']\n", 2, ["policy.denied_roles"]),
        ("[policy]\ndenied_logins = ['boss@example.com ']\n", 2, ["policy.denied_logins", "whole login"]),
        ("[policy]\ndenied_logins = ['*@example.com']\n", 2, ["policy.denied_logins", "whole login"]),
        ("[policy]\ndenied_logins = ['a@example.com', 'boss']\n", 2, ["policy.denied_logins", "whole login"]),
        ("[policy]\nfolders = [12]\n", 2, ["policy.folders"]),
        ("[policy]\nfolders = ['x']\n", 2, ["policy.folders"]),
        ("[policy]\nmints_per_minute = 0\n", 2, ["policy.mints_per_minute"]),
        ("[policy]\nprovision_app_users = 'yes'\n", 2, ["policy.provision_app_users"]),
        ("[cache]\nmax_tokens = -1\n", 2, ["cache.max_tokens"]),
        ("[cache]\nmin_life_s = -1\n", 2, ["cache.min_life_s"]),
        ("[log]\nlevel = 'loud'\n", 2, ["log.level"]),
        ("box = 1\n", 1, ["box"]),
    ],
)
def test_a_wrong_key_is_named_with_its_line(toml: str, line: int, words: list[str], config: Path) -> None:
    config.write_text(toml)
    refused(config, f"line {line}:", *words)


def test_what_is_no_toml_is_said_with_its_line(config: Path) -> None:
    config.write_text("[box]\napi_url = \n")
    refused(config, "not valid TOML", "line 2")
    config.write_bytes(b"\xff\xfe")
    refused(config, "UTF-8")
    config.unlink()
    refused(config, "No such file")


@pytest.mark.parametrize("url", ["http://127.0.0.2:8080", "http://[::1]:8080", "http://localhost:8080"])
def test_plain_http_is_for_loopback_addresses(url: str, config: Path) -> None:
    config.write_text(f"[box]\napi_url = '{url}'\n")
    assert load(config).settings.box.base_url == url


def test_a_toml_from_another_system_s_editor_is_read(config: Path) -> None:
    text = config.read_text()
    config.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    windows = load(config)
    config.write_text(text)
    assert windows.settings == load(config).settings


@pytest.mark.parametrize("name", ["box-sidecar.toml", "box_config.json"])
@pytest.mark.parametrize("kind", ["pipe", "directory", "device"])
@pytest.mark.timeout(20)
def test_only_a_regular_file_is_read(name: str, kind: str, config: Path) -> None:
    file = config.with_name(name)
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file, 0o600)
    elif kind == "directory":
        file.mkdir(0o700)
    else:
        file.symlink_to("/dev/zero")
    refused(config, str(file), "can't be read")


def somebody_elses(path: Path) -> None:
    os.chown(path, 65534, -1)


def for_the_world(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def for_the_web_server(path: Path) -> None:
    os.chown(path, -1, grp.getgrnam("www-data").gr_gid)
    path.chmod(path.stat().st_mode | 0o020)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("spoil", [somebody_elses, for_the_world, for_the_web_server])
@pytest.mark.parametrize("where", ["conf/box-sidecar.toml", "conf", "conf/key.json", "elsewhere", "links"])
def test_what_others_can_write_is_not_believed(
    spoil: Callable[[Path], None], where: str, config: Path, tmp_path: Path
) -> None:
    for name in ("conf", "elsewhere", "links"):
        (tmp_path / name).mkdir(mode=0o755)
    toml = tmp_path / "conf/box-sidecar.toml"
    shutil.copy(config.with_name("box_config.json"), tmp_path / "elsewhere/real.json")
    (tmp_path / "links/key.json").symlink_to("../elsewhere/real.json")
    (tmp_path / "conf/key.json").symlink_to(tmp_path / "links/key.json")
    toml.write_text('[box]\napp_config = "key.json"\n')
    assert load(toml).app.client_id
    if where != "conf/key.json":
        spoil(tmp_path / where)
        mend = "chown" if spoil is somebody_elses else "chmod"
        told = refused(toml, str(tmp_path / where), f"run: {mend}")
        subprocess.run(told.rpartition("run: ")[2].strip().split(), check=True)
        assert load(toml).app.client_id
    else:
        spoil((tmp_path / where).resolve())
        refused(toml, ".json", "run: ch")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_folder_where_everybody_may_write_but_not_replace_is_believed(config: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / "box-sidecar.toml"
    link.symlink_to(config)
    assert load(link.resolve()).app.client_id
    os.chown(link, 65534, 65534, follow_symlinks=False)
    refused(link, str(link), "uid 65534")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can set a group")
def test_a_group_of_nobody_but_us_is_no_other(config: Path) -> None:
    assert not grp.getgrgid(0).gr_mem
    config.chmod(0o660)
    assert load(config).app.client_id
    # acl(5), as setfacl -m u:nobody:rw writes it: tag, permissions, id.
    entries = ((0x01, 6, -1), (0x02, 6, 65534), (0x04, 0, -1), (0x10, 6, -1), (0x20, 0, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(config, "system.posix_acl_access", acl)
    assert stat.S_IMODE(config.stat().st_mode) == 0o660
    refused(config, str(config), "chmod")


@pytest.mark.parametrize(
    "field",
    [
        "boxAppSettings", "boxAppSettings.clientID", "boxAppSettings.clientSecret", "enterpriseID",
        "boxAppSettings.appAuth.publicKeyID", "boxAppSettings.appAuth.privateKey", "boxAppSettings.appAuth.passphrase",
    ],
)  # fmt: skip
def test_a_json_that_lacks_a_field_is_told_where_to_get_the_right_one(field: str, config: Path) -> None:
    app = config.with_name("box_config.json")
    content = json.loads(app.read_text())
    *parents, name = field.split(".")
    holder = content
    for parent in parents:
        holder = holder[parent]
    del holder[name]
    app.write_text(json.dumps(content))
    refused(config, f"{field} is missing", "Developer Console")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("[]", "not the Developer Console's JSON"),
        (
            '{"boxAppSettings": {"clientID": "", "clientSecret": "x"}, "enterpriseID": "1"}',
            "boxAppSettings.clientID is empty",
        ),
        ('{"boxAppSettings": {"clientID": "a\\nb", "clientSecret": "x"}, "enterpriseID": "1"}', "clientID"),
        ('{"boxAppSettings": {"clientID": 5, "clientSecret": "x"}, "enterpriseID": "1"}', "boxAppSettings.clientID"),
    ],
)
def test_a_json_that_is_not_the_consoles_is_said_so(content: str, words: str, config: Path) -> None:
    config.with_name("box_config.json").write_text(content)
    refused(config, words, "Developer Console")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_json_that_others_can_read_is_refused_with_the_command_that_mends_it(mode: int, config: Path) -> None:
    app = config.with_name("box_config.json")
    app.chmod(mode)
    told = refused(config, f"chmod 600 {app}", f"{mode:04o}")
    subprocess.run(told.rpartition("run: ")[2].strip().split(), check=True)
    assert load(config).app.client_id


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_json_of_somebody_else_is_refused(config: Path) -> None:
    app = config.with_name("box_config.json")
    os.chown(app, 65534, 65534)
    refused(config, "uid 65534", "chown")


def test_the_json_may_come_from_systemds_credentials(config: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o500)
    shutil.move(config.with_name("box_config.json"), credentials / "box_config.json")
    arguments = ["token", "--config", str(config), "--login", "ana@example.com", "--element", "explorer"]
    assert run(*arguments).returncode == 2
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    (credentials / "box_config.json").chmod(0o440)
    assert run(*arguments, env=environment).returncode == 0
    (credentials / "box_config.json").chmod(0o444)
    assert run(*arguments, env=environment).returncode == 2


def test_a_token_is_told_about(box: EmulatorProcess, config: Path) -> None:
    file = box.item("ana@example.com", "/Bem-vinda.txt")["id"]
    arguments = ["token", "--config", config, "--login", "ANA@example.com", "--element", "preview", "--file", file]
    ended = run(*arguments, "--scope", "item_download", "annotation_edit")
    assert ended.returncode == 0, ended.stderr
    ana = box.user("ana@example.com")["id"]
    assert f"Ana Souza <ana@example.com> (Box id {ana})" in ended.stdout
    assert "base_preview annotation_edit item_download" in ended.stdout
    assert f"file {file}" in ended.stdout
    assert "s\n" in ended.stdout[ended.stdout.index("life:") :]
    whole = run("token", "--config", config, "--login", "ana@example.com", "--element", "explorer")
    assert "folder 0 (the whole tree)" in whole.stdout
    below = run(
        "token", "--config", config, "--login", "ana@example.com", "--element", "explorer", "--path", "Projetos/Aurora"
    )
    assert f"folder {box.item('ana@example.com', '/Projetos/Aurora')['id']}\n" in below.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--login", "nora@example.com", "--element", "explorer"], "Fix: Admin Console"),
        (["--login", "boss@example.com", "--element", "explorer"], "denied_roles"),
        (
            ["--login", "ana@example.com", "--element", "uploader", "--scope", "item_delete"],
            "may not have: item_delete",
        ),
        (["--login", "ana@example.com", "--element", "explorer", "--folder", "../1"], "folder"),
        (["--login", "ana@example.com", "--element", "explorer", "--folder", "999"], "Box said: invalid_resource"),
        (["--login", "ana@example.com", "--element", "preview"], "file"),
        (["--login", "ana@example.com", "--element", "explorer", "--path", "../x"], "path"),
        (
            ["--login", "ana@example.com", "--element", "explorer", "--path", "Receipts"],
            "There is no folder “Receipts”",
        ),
    ],
)
def test_a_token_that_is_refused_is_explained(options: list[str], words: str, config: Path) -> None:
    ended = run("token", "--config", config, *options)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert words in ended.stderr and "Traceback" not in ended.stderr


def test_no_settings_of_gunicorns_own_are_read(box: EmulatorProcess, serve: Any, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("raise SystemExit('read')")
    environment = {"GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0 --workers 4", "WEB_CONCURRENCY": "4", "PORT": "80"}
    sidecar: SidecarProcess = serve(command=("env", "-C", str(tmp_path)), env=environment)
    assert sidecar.token("ana@example.com").status_code == 200
    log = sidecar.log.read_text()
    assert "tcp" not in log and "127.0.0.1:0" not in log
    assert log.count("Booting worker") == 1
