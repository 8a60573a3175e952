"""Encryption at rest: nothing readable without a key of ours, and keys can be replaced."""

import pytest
from cryptography.fernet import InvalidToken

from zipingest import crypto


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.ENCRYPTION_KEYS = ["first"]


@pytest.mark.parametrize("plain", ["whsec_abc", "", "Zoë 🔑", "x" * 10_000])
def test_what_is_encrypted_can_be_read_again(plain):
    assert crypto.decrypt(crypto.encrypt(plain)) == plain


def test_the_plain_text_is_not_in_the_sealed_one():
    assert "whsec_abc" not in crypto.encrypt("whsec_abc")


def test_the_same_text_is_sealed_differently_each_time():
    assert crypto.encrypt("a") != crypto.encrypt("a")


def test_a_new_key_in_front_still_reads_what_the_old_one_sealed(settings):
    sealed = crypto.encrypt("a")
    settings.ENCRYPTION_KEYS = ["second", "first"]
    assert crypto.decrypt(sealed) == "a"


def test_the_key_in_front_seals(settings):
    settings.ENCRYPTION_KEYS = ["second", "first"]
    sealed = crypto.encrypt("a")
    settings.ENCRYPTION_KEYS = ["second"]
    assert crypto.decrypt(sealed) == "a"


def test_without_its_key_nothing_is_read(settings):
    sealed = crypto.encrypt("a")
    settings.ENCRYPTION_KEYS = ["another"]
    with pytest.raises(InvalidToken):
        crypto.decrypt(sealed)


@pytest.mark.parametrize("place", [10, -10])
def test_a_changed_text_is_refused(place):
    sealed = list(crypto.encrypt("a"))
    sealed[place] = "A" if sealed[place] != "A" else "B"
    with pytest.raises(InvalidToken):
        crypto.decrypt("".join(sealed))
