"""What every page of the console keeps to: its own files only, and links to what one may see."""

import re
from pathlib import Path
from typing import Any

import pytest
import unfold
from django.test import Client
from django.urls import reverse

from tests.console.conftest import World, staff
from tests.console.routes import ROUTES, address

LOADED = re.compile(r"""<(?:script|img|audio|iframe|link)\b[^>]*?\b(?:src|href)=["']([^"']+)""")


@pytest.mark.parametrize(
    "name", ["index", "login", "calls_call_changelist", "calls_call_change", "partners_partner_change"]
)
def test_a_page_loads_nothing_from_elsewhere(name: str, world: World, administrator: Client) -> None:
    row = {"calls_call_change": world.stored, "partners_partner_change": world.partner}.get(name)
    url = reverse(f"admin:{name}", args=[row.pk] if row else [])
    client = Client() if name == "login" else administrator

    loaded = LOADED.findall(client.get(url).content.decode())

    assert loaded
    assert [address for address in loaded if not re.match(r"/(?!/)", address)] == []


def test_the_consoles_styles_load_nothing_from_elsewhere() -> None:
    styles = list(Path(unfold.__path__[0], "static").rglob("*.css"))

    assert styles
    for style in styles:
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text()), style


def test_the_sidebar_shows_support_only_what_it_may_see(world: World, support: Client) -> None:
    text = support.get(reverse("admin:index")).content.decode()

    assert reverse("admin:calls_call_changelist") in text
    assert reverse("admin:auth_group_changelist") not in text
    assert reverse("admin:calls_accessrecord_changelist") not in text


def test_every_list_has_a_link_in_the_sidebar(world: World) -> None:
    links = sidebar(staff("root"), reverse("admin:index"))
    lists = {name for name in ROUTES if name.endswith("_changelist")}

    assert {name for name in lists if reverse(f"admin:{name}") not in links} == set()


@pytest.mark.parametrize(
    ("name", "marked"),
    [
        ("calls_call_changelist", "Calls"),
        ("calls_call_change", "Calls"),
        ("calls_call_why", "Why did it not arrive?"),
        ("calls_legalhold_changelist", "Legal holds"),
        ("calls_legalhold_expiring", "Expiring soon"),
        ("partners_rejectioncount_changelist", "Rejections per day"),
        ("partners_user_change", "Users"),
    ],
)
def test_the_sidebar_marks_the_page_that_is_open_alone(name: str, marked: str, world: World) -> None:
    links = sidebar(staff("root"), address(name, world))

    assert [link["title"] for link in links.values() if link["active"]] == [marked]


def sidebar(client: Client, url: str) -> dict[str, Any]:
    groups = client.get(url).context["sidebar_navigation"]
    return {str(item["link"]): item for group in groups for item in group["items"]}


def test_times_are_shown_to_the_second(world: World, support: Client) -> None:
    text = support.get(reverse("admin:calls_call_change", args=[world.stored.pk])).content.decode()

    assert "2026-03-01 09:01:00" in text
