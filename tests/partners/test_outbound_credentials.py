"""What is shown to a server that wants a secret, and what becomes of the secret where servers repeat it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.outbound import Credentials

QUERY = Credentials(query={"token": "s3cret/+ ä"})
HEADER = Credentials(headers={"Authorization": "Bearer s3cret"})


def test_no_repr_shows_a_secret():
    for credentials in (QUERY, HEADER):
        assert "s3cret" not in f"{credentials!r}{credentials!s}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.test/x", "https://a.test/x?token=s3cret%2F%2B+%C3%A4"),
        ("https://a.test/x?", "https://a.test/x?token=s3cret%2F%2B+%C3%A4"),
        ("https://a.test/x?b=%20&c", "https://a.test/x?b=%20&c&token=s3cret%2F%2B+%C3%A4"),
        ("https://a.test/x?token=1&b=2&tok%65n=3&token", "https://a.test/x?b=2&token=s3cret%2F%2B+%C3%A4"),
    ],
)
def test_query_parameters_join_those_of_the_url_and_replace_their_namesakes(url, expected):
    assert QUERY.added_to(url) == expected
    assert HEADER.added_to(url) == url


@pytest.mark.parametrize(
    "said",
    [
        "s3cret/+ ä",
        "s3cret%2F%2B+%C3%A4",
        "s3cret%2f%2b%20%c3%a4",
        "%73%33cret%2F+%20%C3%a4",
        "S3CRET/+ %C3%A4",
    ],
)
def test_a_secret_that_a_server_repeats_is_masked_however_it_is_escaped(said):
    latin = said.encode().decode("latin-1")  # as headers are read
    assert QUERY.masked(f"<{latin}>") == "<***>"
    assert HEADER.masked("Bearer s3cret, %733cret") == "Bearer ***, ***"
    assert Credentials().masked(latin) == latin


def test_what_is_too_short_to_be_a_secret_masks_nothing():
    assert Credentials(headers={"X-Token": "t"}).masked("http://a.test/t") == "http://a.test/t"


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=6), st.booleans())
def test_no_form_of_a_url_that_we_send_comes_back_with_the_secret(secret, twice):
    credentials = Credentials(query={"token": secret})
    sent = credentials.added_to("https://a.test/x?a=1")
    assert sent != "https://a.test/x?a=1"
    assert credentials.masked(sent).endswith("***")
    assert credentials.cut_from(credentials.added_to(sent) if twice else sent) == "https://a.test/x?a=1"
