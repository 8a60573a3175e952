"""What every page of the console keeps to: its own files only, and links to what one may see."""

import re
from pathlib import Path

import pytest
import unfold
from django.test import Client
from django.urls import reverse

from tests.console.conftest import World

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


def test_times_are_shown_to_the_second(world: World, support: Client) -> None:
    text = support.get(reverse("admin:calls_call_change", args=[world.stored.pk])).content.decode()

    assert "2026-03-01 09:01:00" in text
