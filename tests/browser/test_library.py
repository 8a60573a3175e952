"""The library and the page of a call: finding, hearing and taking recordings."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Response, expect

from calls.models import AccessRecord
from exports.models import ExportJob
from tests.browser import seeds, talk
from tests.browser.chromium import Window
from tests.browser.seeds import PASSWORD, Account
from tests.exports.support import signalled, told
from zipingest import work
from zipingest.storage import default_storage


def test_a_filter_narrows_the_list_and_stays_in_the_address(window: Window, account: Account) -> None:
    other = seeds.ended(account, 77, customer_phone="+498955501")
    window.sign_in(account.supervisor).open("/library")
    expect(rows(window)).to_have_count(4)

    look_for(window, "+498955501")
    expect(rows(window)).to_have_count(1)
    expect(rows(window)).to_contain_text(other.customer_phone)
    expect(window.page).to_have_url(re.compile(r"phone=%2B498955501"))

    window.page.reload()
    expect(rows(window)).to_have_count(1)
    look_for(window, "+499999999")
    expect(window.role("heading", "No call matches")).to_be_visible()


def test_what_was_signalled_is_found_and_exported_by_the_keyboard(window: Window, account: Account) -> None:
    sold, lost, _ = account.calls
    for call, value in ((sold, True), (lost, False)):
        signalled(call, "Sale", value)
        told(call, "region", "West")
    window.sign_in(account.supervisor).open("/library")

    window.page.get_by_label("Signal").press("ArrowDown")
    expect(rows(window)).to_have_count(1)
    window.page.get_by_label("Custom data is").type("West\n")
    expect(window.page).to_have_url(re.compile(r"signal=\d+&custom_value=West"))
    expect(rows(window)).to_contain_text(sold.customer_phone)
    window.role("link", "Export all that match").press("Enter")

    expect(window.page.locator("#estimate")).to_contain_text("1 recording,")
    with window.page.expect_response(re.compile("/exports/estimate")):
        window.page.get_by_label("Custom data is").press("Enter")
    window.page.get_by_label("Signals and custom data as further columns").press("Space")
    window.role("button", "Create the export").press("Enter")
    expect(window.page.locator("dl.facts")).to_contain_text("with signals and custom data")
    expect(window.role("heading", "signal Sale met, custom data “West”")).to_be_visible()
    assert work.run_one(ExportJob)


@pytest.mark.slow
def test_playing_and_seeking_reads_a_part_of_the_recording(window: Window, account: Account) -> None:
    """Of a recording so long that Chromium does not have what is sought, and must ask for it."""
    call = seeds.ended(account, 5, stored=False)
    seeds.keep(call, talk.long(minutes=10))
    window.sign_in(account.supervisor).open("/library")
    row(window, call).get_by_label("Play the call").click()
    expect(window.role("button", "Pause", exact=True)).to_be_visible()
    wait_until_playing(window)

    slider = window.role("slider", "Position in the recording")
    room = slider.bounding_box()
    slider.click(position={"x": room["width"] * 0.9, "y": room["height"] / 2})

    wait_until_playing(window, after=500)
    answers = window.answers_to(f"/recordings/{call.uuid}")
    assert {answer.status for answer in answers} == {206}
    assert max(first_byte(answer) for answer in answers) > 500 * talk.BYTES_PER_SECOND
    assert (
        AccessRecord.objects.filter(call=call, kind="listen", actor=account.supervisor.username).count() == 1
    )


@pytest.mark.slow
def test_the_player_obeys_the_keyboard_and_keeps_its_speed(window: Window, account: Account) -> None:
    window.sign_in(account.supervisor).open(f"/library/{account.calls[0].uuid}")
    slider = window.role("slider", "Position in the recording, 2 channels")
    for key, second in [("ArrowRight", "5"), ("End", "12"), ("ArrowLeft", "7"), ("Home", "0")]:
        slider.press(key)
        expect(slider).to_have_attribute("aria-valuenow", second)
    window.page.get_by_label("Speed").select_option("2")
    slider.press(" ")
    wait_until_playing(window)
    assert audio(window, "playbackRate") == 2
    slider.press(" ")
    expect(window.role("button", "Play", exact=True)).to_be_visible()
    assert audio(window, "paused")


@pytest.mark.slow
def test_from_sign_in_to_sound_without_a_mouse(window: Window, account: Account) -> None:
    window.open("/library")
    window.page.keyboard.type(account.supervisor.username)
    expect(window.page.get_by_label("User name")).to_have_value(account.supervisor.username)
    window.page.keyboard.press("Tab")
    window.page.keyboard.type(PASSWORD)
    window.page.keyboard.press("Enter")
    expect(window.role("heading", "Library")).to_be_visible()
    tab_to(window, row(window, account.calls[0]).get_by_label("Play the call"))
    window.page.keyboard.press("Enter")
    wait_until_playing(window)


@pytest.mark.slow
def test_a_download_is_the_stored_recording(window: Window, account: Account, tmp_path: Path) -> None:
    call = account.calls[0]
    window.sign_in(account.supervisor).open(f"/library/{call.uuid}")
    with window.page.expect_download() as download:
        window.role("link", "Download").click()
    download.value.save_as(tmp_path / "call.wav")
    with default_storage().open_range(call.recording.key) as stored:
        assert (tmp_path / "call.wav").read_bytes() == stored.read()
    assert download.value.suggested_filename.startswith(f"call-{call.uuid.hex[:8]}")


@pytest.mark.slow
def test_a_call_tells_its_facts(window: Window, account: Account) -> None:
    call = account.calls[0]
    window.sign_in(account.supervisor).open("/library")
    row(window, call).get_by_role("link").first.click()
    expect(window.page.locator("h1")).to_contain_text("Call of")
    expect(window.role("heading", "What happened")).to_be_visible()
    expect(window.page.locator("main")).to_contain_text(call.customer_phone)
    expect(window.page.locator("main")).to_contain_text("Ada Lindt")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/library/{}", "/library/{}/player"])
def test_a_call_of_another_account_is_not_there(window: Window, account: Account, path: str) -> None:
    foreign = seeds.small(calls=1).calls[0]
    window.sign_in(account.admin).open(path.format(foreign.uuid), status=404)
    expect(window.page.locator("body")).not_to_contain_text(foreign.customer_phone)
    expect(window.page.get_by_text("nothing that you may see")).to_be_visible()


def look_for(window: Window, phone: str) -> None:
    window.page.get_by_label("Phone").fill(phone)
    window.page.keyboard.press("Enter")


def rows(window: Window) -> Locator:
    return window.page.locator("table.calls tbody tr")


def row(window: Window, call: seeds.Call) -> Locator:
    return rows(window).filter(has=window.page.locator(f'a[href*="{call.uuid}"]'))


def wait_until_playing(window: Window, after: float = 0) -> None:
    """Until sound has come out beyond that second."""
    script = """after => {
        const audio = document.querySelector("audio");
        return audio?.currentTime > after && !audio.paused && !audio.seeking && audio.readyState >= 3;
    }"""
    window.page.wait_for_function(script, arg=after)


def audio(window: Window, what: str) -> object:
    return window.page.evaluate(f"() => document.querySelector('audio').{what}")


def first_byte(answer: Response) -> int:
    return int(re.match(r"bytes (\d+)-", answer.headers["content-range"])[1])


def tab_to(window: Window, wanted: Locator) -> None:
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        window.page.keyboard.press("Tab")
    raise AssertionError("no way there by Tab")
