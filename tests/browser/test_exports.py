"""Exports from the rows that are selected to the ZIP that is opened."""

import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import QuerySet
from playwright.sync_api import expect

from exports.models import ExportJob, ExportStatus
from tests.browser import seeds
from tests.browser.chromium import Window
from tests.browser.house import ordered
from tests.browser.seeds import Account
from zipingest import work
from zipingest.storage import default_storage
from zipingest.work import WorkState


def test_selected_rows_become_a_zip(window: Window, account: Account, tmp_path: Path) -> None:
    default_storage().delete(account.calls[1].recording.key)
    window.sign_in(account.supervisor).open("/library")
    boxes = window.page.get_by_role("checkbox", name="Select the call")
    for box in (boxes.nth(0), boxes.nth(1)):
        box.check()
    expect(window.page.get_by_text("2 selected")).to_be_visible()
    window.role("button", "Export selected").click()
    expect(window.page.get_by_text("Queued", exact=True)).to_be_visible()

    move_on(account, entries_done=1)
    expect(window.role("progressbar", "How much is packed")).to_have_attribute("value", "50")
    pack(account)
    with window.page.expect_download() as download:
        window.role("link", "Download the ZIP").click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert archive.testzip() is None
        assert [name.rpartition(".")[2] for name in archive.namelist()] == ["wav", "csv"]
        assert str(account.calls[1].uuid) in archive.read("manifest.csv").decode("utf-8-sig")

    expect(window.role("heading", "What was left out")).to_be_visible()
    put_back(account, 1)
    window.role("button", "Export only what was left out").click()
    expect(window.page.get_by_text("Queued", exact=True)).to_be_visible()
    pack(account)
    expect(window.role("link", "Download the ZIP")).to_be_visible()


@pytest.mark.slow
def test_the_estimate_follows_the_filters(window: Window, account: Account) -> None:
    window.sign_in(account.supervisor).open("/exports")
    estimate = window.page.locator("#estimate")
    expect(estimate).to_contain_text(re.compile(r"^\s*3 "))
    window.page.get_by_label("First day").fill("2026-01-01")
    window.page.get_by_label("Last day").fill("2026-01-02")
    window.page.keyboard.press("Tab")
    expect(estimate).to_contain_text("Nothing matches")


@pytest.mark.slow
def test_an_export_is_cancelled_after_a_question(window: Window, account: Account) -> None:
    job = ordered(account, 0, 2)
    window.sign_in(account.supervisor).open(f"/exports/{job.public_id}")
    ask = window.role("button", "Cancel the export").first
    ask.click()
    expect(window.role("dialog", "Cancel this export?")).to_be_visible()
    assert window.violations() == []
    window.page.keyboard.press("Escape")
    expect(window.role("dialog", "Cancel this export?")).to_be_hidden()
    ask.click()
    window.role("dialog", "Cancel this export?").get_by_role("button", name="Cancel the export").click()
    expect(window.page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert ExportJob.objects.get(pk=job.pk).status == ExportStatus.CANCELLED


@pytest.mark.slow
def test_an_export_of_another_account_is_not_there(window: Window, account: Account) -> None:
    foreign = ordered(seeds.small(calls=1), 0, 1)
    for part in ("", "/standing", "/download"):
        window.sign_in(account.admin).open(f"/exports/{foreign.public_id}{part}", status=404)
        expect(window.page.locator("body")).not_to_contain_text(foreign.requested_by)


def move_on(account: Account, **fields: object) -> None:
    """Let the account's newest export be as a packer has brought it so far."""
    until = work.database_now() + timedelta(hours=1)
    newest(account).update(state=WorkState.LEASED, lease_until=until, **fields)


def pack(account: Account) -> None:
    """The turn of a packer."""
    newest(account).update(state=WorkState.DUE, lease_until=None)
    while newest(account).filter(state=WorkState.DUE).exists():
        assert work.run_one(ExportJob)


def newest(account: Account) -> QuerySet[ExportJob]:
    return ExportJob.objects.filter(
        pk=ExportJob.objects.filter(sub_tenant=account.sub_tenant).latest("pk").pk
    )


def put_back(account: Account, number: int) -> None:
    call = account.calls[number]
    seeds.keep(call, seeds.talk.conversation(12, number))
