"""docker-compose.yml is built and run: PHP gets a token through the socket's volume, a stranger's container none."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from intranet.compose import Compose
from intranet.container import ASK, VISIT, NoContainers
from intranet.process import ProcessError
from intranet.release import REPOSITORY
from intranet.webserver import PHP_FILES
from sidecar.support import until

pytestmark = pytest.mark.system

TESTS = Path(__file__).parent
KUBERNETES = REPOSITORY / "sidecar/kubernetes/base"
WORDPRESS = "docker.io/library/wordpress:6.8-php8.3-apache"
SITE, BOX = "http://127.0.0.1:8080", "http://127.0.0.1:8090"
PEOPLE = [
    {"login": name, "email": f"{name}@example.com", "name": name, "role": role, "password": word, "locale": ""}
    for name, role, word in (("admin", "administrator", "admin-demo"), ("ana", "subscriber", "ana-demo"))
]


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """Everything of the profile `try`, started in the order in which the services depend on each other."""
    try:
        starting = Compose(tmp_path_factory.mktemp("compose"))
    except NoContainers as error:
        pytest.skip(str(error))
    with starting as running:
        running.compose("build", "try-box", "try-sidecar")
        for service in ("try-box", "try-sidecar", "db", "try-wordpress"):
            running.compose("up", "--detach", "--no-deps", service)
            if service in {"try-box", "try-sidecar"}:
                until(partial(healthy, running, service), 90, 0.5)
        yield running


def healthy(compose: Compose, service: str) -> bool:
    """Whether a service says so. There is no systemd here, by which podman would look by the clock."""
    return not fails(lambda: compose.podman("healthcheck", "run", f"wfb_{service}_1"))


def fails(what: Callable[[], object]) -> bool:
    """Whether a command in a container fails."""
    try:
        what()
    except ProcessError:
        return True
    return False


def test_php_in_its_container_gets_a_token_and_a_stranger_none(compose: Compose) -> None:
    file = compose.home / "ask.php"
    file.write_text(f"<?php {ASK}")
    compose.podman("cp", str(file), "wfb_try-wordpress_1:/srv/ask.php")
    answer = json.loads(compose.run("try-wordpress", "php /srv/ask.php", user="33"))
    assert answer.get("user", {}).get("login") == "ana@example.com", answer
    lines = compose.podman("logs", "wfb_try-sidecar_1").splitlines()
    issued = [event for line in lines if '"token_issued"' in line for event in [json.loads(line)]]
    assert [(event["peer_uid"], event["peer_pid"]) for event in issued] == [(33, 0)]

    # Somebody else in the same container, and a container of strangers' that has the volume, too.
    assert "error" in json.loads(compose.run("try-wordpress", "php /srv/ask.php", user="1000:1000"))
    strangers = ["run", "--rm", "--network=none", "--volume=wfb_socket:/run/box-sidecar"]
    strangers += [f"--volume={file}:/srv/ask.php:ro", "--user=1000:1000"]
    told = compose.podman(*strangers, WORDPRESS, "php", "/srv/ask.php")
    assert "error" in json.loads(told)
    # With the group one comes as far as the door.
    strangers[-1] = "--user=1000:33"
    told = compose.podman(*strangers, WORDPRESS, "php", "/srv/ask.php")
    assert "user" not in json.loads(told)


def test_the_sidecar_s_container_can_do_nothing_but_its_work(compose: Compose) -> None:
    status = compose.run("try-sidecar", "cat /proc/1/status")
    assert re.search(r"(?m)^Uid:\s+10001\b", status) and re.search(r"(?m)^CapEff:\s+0+$", status)
    assert re.search(r"(?m)^NoNewPrivs:\s+1$", status)
    assert fails(lambda: compose.run("try-sidecar", "touch /etc/box-sidecar/x"))
    assert compose.run("try-sidecar", "stat -c '%u %g %a' /run/box-sidecar").split() == ["10001", "33", "2750"]


def test_what_kubernetes_gives_the_sidecar_is_enough(compose: Compose) -> None:
    """Its volumes as kubelet makes them: a socket's folder that the whole pod can write, single files of root's."""
    deployment = next(yaml.safe_load_all((KUBERNETES / "wordpress.yaml").read_text()))
    (sidecar,) = deployment["spec"]["template"]["spec"]["initContainers"]
    pod = compose.home / "pod"
    (pod / "socket").mkdir(parents=True)
    (pod / "toml").write_text(
        (KUBERNETES / "box-sidecar.toml").read_text() + '[box]\napi_url = "http://127.0.0.1:8090"\n'
    )
    (pod / "key").write_text(compose.run("try-box", "cat /var/lib/box-sidecar/box_config.json"))
    for name, mode in (("socket", 0o2777), ("key", 0o440), ("toml", 0o644)):
        os.chown(pod / name, 0, 33)
        (pod / name).chmod(mode)
    volumes = {mount["name"]: mount["mountPath"] for mount in sidecar["volumeMounts"]}
    files = {"socket": "socket", "key": "key", "box-sidecar": "toml"}
    mounts = [f"--volume={pod / files[name]}:{path}" for name, path in volumes.items() if name in files]
    environment = [f"--env={one['name']}={one['value']}" for one in sidecar["env"]]
    alone = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:33", "--tmpfs=/tmp"]
    place = ["--detach", "--name=pod", "--network=container:wfb_try-box_1"]
    compose.podman("run", *place, *alone, *environment, *mounts, "wfb_try-sidecar")
    probe = sidecar["startupProbe"]["exec"]["command"]
    until(lambda: not fails(lambda: compose.podman("exec", "pod", *probe)), 90, 0.5)
    (pod / "ask.php").write_text(f"<?php {ASK}")
    seen = [f"--volume={pod}/socket:/run/box-sidecar:ro", f"--volume={pod}/ask.php:/srv/ask.php:ro", "--user=33:33"]
    told = compose.podman("run", "--rm", "--network=none", *seen, WORDPRESS, "php", "/srv/ask.php")
    assert "user" in json.loads(told), told


def test_wordpress_shows_a_person_s_folder(compose: Compose) -> None:
    """Installed as by its first steps; then Ana's browser, as far as HTTP goes."""
    until(lambda: not fails(lambda: compose.run("db", "mariadb --execute 'USE wordpress'")), 90, 0.5)
    until(lambda: not fails(lambda: compose.run("try-wordpress", "test -e /run/laid-out")), 90, 0.5)
    for name in ("install", "run", "setup"):
        compose.podman("cp", str(PHP_FILES / f"{name}.php"), f"wfb_try-wordpress_1:/srv/{name}.php")
    compose.run("try-wordpress", "php /srv/install.php /var/www/html", user="33")
    page = {"post_type": "page", "post_status": "publish", "post_name": "files", "post_content": "[box_explorer]"}
    code = (PHP_FILES / "setup.php").read_text().removeprefix("<?php") + "wp_insert_post( $data['page'] );"
    code += f"update_option( 'siteurl', '{SITE}' ); update_option( 'home', '{SITE}' );"
    data = {"people": PEOPLE, "plugin": "widgets-for-box/widgets-for-box.php", "page": page}
    job = compose.home / "job.json"
    job.write_text(json.dumps({"docroot": "/var/www/html", "url": SITE, "code": code, "data": data}))
    compose.podman("cp", str(job), "wfb_try-wordpress_1:/srv/job.json")
    compose.run("try-wordpress", "php /srv/run.php < /srv/job.json", user="33")
    done = compose.command("env", f"PYTHONPATH={TESTS}", sys.executable, "-c", VISIT, str(compose.home), "8080", BOX)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "base_explorer" in seen["scopes"] and seen["entries"] > 0, seen
