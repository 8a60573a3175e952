"""The console's start page: pictures of how the house does, for those who may see it."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import FetchAttempt
from partners.models import Attempt
from tests.console.conftest import World, ingest_calls, staff
from zipingest import work

INDEX = reverse("admin:index")


def test_the_picture_has_a_piece_for_each_state_of_the_hour(world: World, support: Client) -> None:
    answer = support.get(INDEX)
    pieces = answer.context["calls_picture"]["pieces"]

    assert sorted(piece.tone for piece in pieces) == ["danger", "success"]
    assert answer.content.decode().count("<rect") == 2


def test_the_pieces_of_an_hour_stand_upon_each_other_within_the_picture(
    world: World, support: Client
) -> None:
    picture = support.get(INDEX).context["calls_picture"]
    lower, upper = sorted(picture["pieces"], key=lambda piece: -piece.y)

    assert lower.x == upper.x
    assert round(upper.y + upper.height, 1) == lower.y
    assert upper.y >= 0
    assert lower.y + lower.height < picture["height"]


def test_it_says_why_fetches_failed_in_plain_words(world: World, support: Client) -> None:
    for code in ("http_404", "not_audio", "brand_new"):
        FetchAttempt.objects.create(
            recording=world.failed.recording,
            run=1,
            started_at=work.database_now(),
            duration_ms=1,
            code=code,
            error="failed",
        )

    text = support.get(INDEX).content.decode()

    for words in ("the server answered 404", "something else than audio", "brand new"):
        assert words in text


def test_it_shows_each_partners_callbacks(world: World, support: Client) -> None:
    for number, error in ((1, "failed"), (2, "")):
        Attempt.objects.create(
            delivery=world.delivery,
            number=number,
            started_at=work.database_now() - timedelta(hours=1),
            duration_ms=120,
            error=error,
        )

    text = support.get(INDEX).content.decode()

    assert "50.0 %" in text
    assert "120 ms" in text


def test_a_house_without_calls_has_an_empty_picture(db: None, support: Client) -> None:
    answer = support.get(INDEX)

    assert answer.context["calls_picture"]["pieces"] == []
    assert "No callback was tried." in answer.content.decode()


def test_whoever_may_see_no_calls_is_shown_no_figures(world: World) -> None:
    text = staff("newcomer", "nothing").get(INDEX).content.decode()

    assert "Calls per hour" not in text
    assert "Callback attempts" not in text


def test_it_takes_as_many_queries_for_forty_calls_as_for_two(world: World, support: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            support.get(INDEX)
        return len(captured)

    support.get(INDEX)  # what Django looks up once per process
    before = queries()
    ingest_calls(world.partner, world.sub_tenant, range(2, 42))

    assert queries() == before
