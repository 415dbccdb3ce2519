"""Alerts and dashboard: they name only what a sidecar really says, and Prometheus understands them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from intranet.store_process import StoreProcess
from sidecar.support import until

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "sidecar/monitoring"
SELECTOR = re.compile(r"\b(box_sidecar_\w+)(?:\{([^}]*)\})?")


def expressions() -> list[str]:
    """All that is asked of Prometheus."""
    rules: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    return [rule["expr"] for rule in rules] + [text.replace("$__rate_interval", "5m") for text in asked]


def test_each_series_is_in_a_real_scrape(box: EmulatorProcess, folder: Path) -> None:
    with (
        StoreProcess(folder / "store") as store,
        SidecarProcess(folder / "s", app_config=box.app_config, api_url=box.url, cache={"store": store.url}) as sidecar,
    ):
        sidecar.token("ana@example.com", report={"page": 1, "calls": {"list": 1}})
        assert sidecar.process
        os.kill(sidecar.process.pid, signal.SIGHUP)
        until(lambda: "reloads_total{" in sidecar.request("GET", "/metrics").text)
        page = sidecar.request("GET", "/metrics").text
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        labels |= {family.name + suffix: set() for suffix in suffixes}
        for sample in family.samples:
            labels[sample.name] |= set(sample.labels)
    asked = expressions()
    found = [match for text in asked for match in SELECTOR.findall(text)]
    assert len(asked) > 15 and len(found) >= len(asked)
    for name, matchers in found:
        assert name in labels, name
        for label in re.findall(r"(\w+)[=!]", matchers):
            assert label in labels[name] | ({"reason"} if "refused" in name else set()), (name, label)
    for text in asked:
        for label in set(re.findall(r"by \(([\w, ]+)\)", text)) - {"le"}:
            (name, _), *_ = SELECTOR.findall(text)
            assert "refused" in name or set(label.split(", ")) <= labels[name], text


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    panels = dashboard["panels"]
    assert dashboard["uid"] and dashboard["title"] and len({panel["id"] for panel in panels}) == len(panels)
    (variable,) = dashboard["templating"]["list"]
    for panel in panels:
        assert panel["datasource"]["uid"] == f"${{{variable['name']}}}"
        assert panel["title"] and panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus's own; unpacked from Debian's package, since an installed one would start a server."""
    if found := shutil.which("promtool"):
        return found
    folder = REPOSITORY / ".cache/promtool"
    program = folder / "usr/bin/promtool"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, capture_output=True, check=False)
        packages = list(folder.glob("prometheus_*.deb"))
        if got.returncode != 0 or not packages:
            pytest.skip("no promtool, and Debian's package can't be had")
        subprocess.run(["dpkg-deb", "--extract", str(packages[0]), str(folder)], check=True)
        packages[0].unlink()
    return str(program)


def test_prometheus_understands_them(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"box:asked:{number}", "expr": text} for number, text in enumerate(expressions())]
    asked = tmp_path / "asked.yml"
    asked.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    for path in (FOLDER / "rules.yml", asked):
        done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_an_alert_fires_when_it_should(promtool: str, tmp_path: Path) -> None:
    def series(name: str, values: str) -> dict[str, str]:
        return {"series": f"box_sidecar_{name}", "values": values}

    def fires(alert: str, at: str, *given: dict[str, str], severity: str = "warning") -> dict[str, Any]:
        expected = [{"exp_labels": {"severity": severity}}] if at != "never" else []
        return {
            "interval": "1m",
            "input_series": list(given),
            "alert_rule_test": [{"eval_time": at if expected else "2h", "alertname": alert, "exp_alerts": expected}],
        }

    held = series("cached_tokens", "1x180")
    tests = [
        fires("BoxSidecarDown", "10m", severity="critical"),
        fires("BoxSidecarDown", "never", held),
        fires("BoxSidecarFailures", "40m", series('tokens_total{outcome="hit"}', "0+8x60"),
              series('tokens_total{outcome="key_rejected"}', "0+2x60")),
        fires("BoxSidecarFailures", "never", series('tokens_total{outcome="hit"}', "0+99x180"),
              series('tokens_total{outcome="user_not_found"}', "0+1x180")),
        fires("BoxSidecarCalls", "2h", series("month_calls_allotment", "1000x180"),
              series("month_calls_forecast", "801x180")),
        fires("BoxSidecarCalls", "never", series("month_calls_allotment", "0x180"),
              series("month_calls_forecast", "801x180")),
        fires("BoxSidecarCalls", "never", series("month_calls_allotment", "1000x180"),
              series("month_calls_forecast", "_x180")),
        fires("BoxSidecarStore", "15m", series("store_up", "0x60")),
        fires("BoxSidecarStore", "40m", series("store_up", "1x60"),
              series('store_requests_total{outcome="done"}', "0+8x60"),
              series('store_requests_total{outcome="slow"}', "0+2x60")),
        fires("BoxSidecarStore", "never", series("store_up", "1x180"),
              series('store_requests_total{outcome="done"}', "0+99x180"),
              series('store_requests_total{outcome="slow"}', "0+1x180")),
        fires("BoxSidecarClock", "30m", series("box_clock_offset_seconds", "-6x60")),
    ]  # fmt: skip
    for test in tests:  # what is said to people is not repeated here
        for wanted in test["alert_rule_test"]:
            rule = next(
                rule
                for rule in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
                if rule["alert"] == wanted["alertname"]
            )
            for expected in wanted["exp_alerts"]:
                expected["exp_annotations"] = rule["annotations"]
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "rules.yml")], "tests": tests}))
    command = [promtool, "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
