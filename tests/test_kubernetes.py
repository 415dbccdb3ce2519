"""What sidecar/kubernetes/ renders to: valid by Kubernetes' own schemas, "restricted", and the key the sidecar's alone.

No cluster runs here. Where kubectl is, its kustomize renders; and what is read here must be the same.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from intranet.release import REPOSITORY

#: The first with sidecar containers that end after the others, and the newest of which there are schemas.
VERSIONS = ("1.29", "1.37")
Object = dict[str, Any]


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """The example, with the file that an administrator puts beside it."""
    shutil.copytree(REPOSITORY / "sidecar/kubernetes", tmp_path / "kubernetes")
    (tmp_path / "kubernetes/example/box_config.json").write_text('{"enterpriseID": "1"}')
    return tmp_path / "kubernetes/example"


def render(folder: Path) -> list[Object]:
    """What kustomize makes of a folder, as far as it is used here; what is not understood is refused."""
    asked = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert (asked.pop("apiVersion"), asked.pop("kind")) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    made: list[Object] = []
    for name in asked.pop("resources"):
        path = folder / name
        made += render(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for kind in ("ConfigMap", "Secret"):
        for one in asked.pop(f"{kind[0].lower()}{kind[1:]}Generator", []):
            made.append(generated(kind, folder, **one))
    for patch in asked.pop("patches", []):
        change = yaml.safe_load((folder / patch["path"]).read_text())
        (target,) = (one for one in made if same(one, change))
        merge(target, change)
    for image in asked.pop("images", []):
        for container in containers(made):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    namespace = asked.pop("namespace", None)
    for one in made:
        if namespace and one["kind"] != "Namespace":
            one["metadata"]["namespace"] = namespace
    assert asked == {}, "say what these do"
    return made


def generated(kind: str, folder: Path, name: str, files: list[str]) -> Object:
    """A ConfigMap or a Secret; without the hash that kustomize adds to its name."""
    texts = {file: (folder / file).read_text() for file in files}
    made: Object = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    if kind == "Secret":
        return {**made, "type": "Opaque", "data": {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()}}
    return {**made, "data": texts}


def same(one: Object, other: Object) -> bool:
    """Whether both mean one object."""
    return (one["kind"], one["metadata"]["name"]) == (other["kind"], other["metadata"]["name"])


def merge(target: Object, change: Object) -> None:
    """A strategic merge, of what has no lists in it."""
    for name, value in change.items():
        assert not isinstance(value, list)
        if isinstance(value, dict):
            merge(target.setdefault(name, {}), value)
        else:
            target[name] = value


def containers(made: list[Object]) -> Iterator[Object]:
    """All containers of all pods."""
    for pod in pods(made):
        yield from (*pod["initContainers"], *pod["containers"])


def pods(made: list[Object]) -> list[Object]:
    """All pods as they are specified."""
    return [one["spec"]["template"]["spec"] for one in made if one["kind"] == "Deployment"]


def test_kustomize_says_the_same(overlay: Path) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=True)
    # Each generated name has ten letters and digits of a hash behind it.
    told = re.sub(r"\b(box-sidecar|box-sidecar-key)-[a-z0-9]{10}$", r"\1", done.stdout, flags=re.MULTILINE)

    def by_kind(made: list[Object]) -> dict[str, Object]:
        return {one["kind"]: one for one in made}

    assert by_kind(list(yaml.safe_load_all(told))) == by_kind(render(overlay))


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_schemas_accept_all_of_it(version: str, overlay: Path) -> None:
    for one in render(overlay):
        kubernetes_validate.validate(json.loads(json.dumps(one)), version, strict=True)


def test_only_the_sidecar_has_the_key(overlay: Path) -> None:
    made = render(overlay)
    (secret,) = (one["metadata"]["name"] for one in made if one["kind"] == "Secret")
    (pod,) = pods(made)
    (volume,) = (one for one in pod["volumes"] if "secret" in one)
    assert (volume["secret"]["secretName"], volume["secret"]["defaultMode"]) == (secret, 0o440)
    mounting = {one["name"]: {mount["name"] for mount in one["volumeMounts"]} for one in containers(made)}
    assert [name for name, mounted in mounting.items() if volume["name"] in mounted] == ["box-sidecar"]
    for one in containers(made):
        named = json.dumps([one.get("env"), one.get("envFrom")])
        assert secret not in named
    # The socket is all that both have; only one of them can put another in its place.
    (wordpress,) = pod["containers"]
    (sidecar,) = pod["initContainers"]
    mounts = [{mount["name"]: mount for mount in one["volumeMounts"]} for one in (wordpress, sidecar)]
    assert set(mounts[0]) & set(mounts[1]) == {"socket"}
    assert mounts[0]["socket"]["readOnly"] and "readOnly" not in mounts[1]["socket"]


def test_the_pod_is_restricted(overlay: Path) -> None:
    """By the standard's words (Pod Security Standards, "restricted"), and the namespace enforces it."""
    made = render(overlay)
    (pod,) = pods(made)
    (namespace,) = (one for one in made if one["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert {one["name"] for one in pod["securityContext"]["sysctls"]} == {"net.ipv4.ip_unprivileged_port_start"}
    assert {kind for one in pod["volumes"] for kind in one if kind != "name"} <= {
        "configMap", "emptyDir", "persistentVolumeClaim", "secret",
    }  # fmt: skip
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for one in containers(made):
        own = one["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}
        assert own["runAsUser"] != 0 and "privileged" not in own
        assert not any("hostPort" in port for port in one.get("ports", []))


def test_the_sidecar_is_one_of_kubernetes_own_kind(overlay: Path) -> None:
    (pod,) = pods(render(overlay))
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always" and "startupProbe" in sidecar and "livenessProbe" in sidecar
    assert "readinessProbe" not in sidecar, "a Box that is down must not take the site out of its service"
    assert "sock" not in json.dumps(sidecar.get("ports", []))
