"""The alerts: Prometheus takes them, they fire when they should, and say what there is."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.cache import caches
from django.test import Client

from tests.calls.test_metrics_of_work import some_of_everything
from tests.support import factories
from zipingest import signs

RULES = Path(settings.BASE_DIR, "deploy/alerts.yml")
RUNBOOK = Path(settings.BASE_DIR, "docs/runbook.md")
# Prometheus gives it itself, to what it scrapes.
PROMETHEUS_OWN = {'job="zipingest"'}


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def sources() -> Iterator[str]:
    for room in ("zipingest", "partners", "calls", "exports"):
        yield from (path.read_text() for path in Path(settings.BASE_DIR, room).rglob("*.py"))


@pytest.fixture
def scrape(db: None, settings: Any, tmp_path: Path) -> Iterator[str]:
    """What /metrics says where there is some of everything."""
    settings.STORAGE_URL = tmp_path.as_uri()
    some_of_everything(factories.provisioned(), "a")
    signs.note(signs.SWEEP)
    signs.note(signs.FOLLOWER)
    yield Client().get("/metrics").content.decode()
    caches["shared"].clear()


@pytest.mark.needs_apt("prometheus")
@pytest.mark.parametrize(
    "what",
    ["check rules alerts.yml", pytest.param("test rules alerts_test.yml", marks=pytest.mark.slow)],
)
def test_prometheus_takes_them_and_they_fire_when_they_should(what: str) -> None:
    ended = subprocess.run(
        ["promtool", *what.split()], cwd=RULES.parent, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_has_its_tests() -> None:
    tests = yaml.safe_load(RULES.with_name("alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]

    for fires in (True, False):
        tried = {case["alertname"] for case in cases if bool(case["exp_alerts"]) is fires}
        assert tried == {rule["alert"] for rule in alerts()}


def test_they_ask_only_for_what_a_scrape_says(scrape: str) -> None:
    asked = " ".join(rule["expr"] for rule in alerts())
    names = set(re.findall(r"\bzipingest_\w+", asked))
    labels = set(re.findall(r'\w+="[^"|]+"', asked)) - PROMETHEUS_OWN

    assert {name for name in names if f"# TYPE {name} gauge" not in scrape} == set()
    assert {label for label in labels if label not in scrape} == set()


def test_each_says_how_bad_it_is_and_where_the_runbook_has_it() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_the_runbook_has_a_heading_for_each_alert_and_for_nothing_else() -> None:
    assert re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE) == [rule["alert"] for rule in alerts()]


def test_the_runbook_says_of_each_what_it_means_where_to_look_what_to_do_and_when_it_is_over() -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}
    for part in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        assert text.strip().startswith(f"*{severities[name].capitalize()}"), name
        assert re.search(r"^- Look", text, re.MULTILINE), name
        assert re.search(r"^- (Do|Look and do)", text, re.MULTILINE), name
        assert re.search(r"^- Over", text, re.MULTILINE), name


def test_the_runbook_names_pages_events_figures_and_settings_that_exist(scrape: str) -> None:
    text, code = RUNBOOK.read_text(), "\n".join(sources())
    titles = re.findall(r'_page\("([^"]+)"', code)

    assert set(re.findall(r"\*\*([^*.]+)\*\*", text)) <= set(titles)
    assert {event for event in re.findall(r"\| grep (\w+)`", text) if f'"{event}"' not in code} == set()
    figures = set(re.findall(r"\bzipingest_\w+[a-z]", text)) - {"zipingest_work"}
    assert {name for name in figures if f"# TYPE {name} gauge" not in scrape} == set()
    assert {name for name in re.findall(r"`([A-Z]+_[A-Z_]+)`", text) if f'"{name}"' not in code} == set()
    actions = set(re.findall(r"\*([A-Z][a-zA-Z ]+)\*[^*]", text)) - {"Page", "Ticket"}
    assert {title for title in actions if f'"{title}"' not in code} <= {"Resume"}  # a button of a page
