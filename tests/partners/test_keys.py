"""API keys: what they look like, what is kept of them, and when they open the door."""

import hashlib
import hmac
import re
import zlib
from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from partners import credentials, keys
from partners.keys import InvalidKey
from partners.models import ApiKey, Partner
from tests.support.factories import provisioned

pytestmark = pytest.mark.django_db

BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def given():
    return provisioned()


@pytest.fixture
def issued(given):
    return given.issued


def opens(issued, *, key_id=None, secret=None):
    try:
        keys.verify(key_id=key_id or issued.key.key_id, secret=secret or issued.secret)
    except InvalidKey:
        return False
    return True


def changed(issued, **fields):
    ApiKey.objects.filter(pk=issued.key.pk).update(**fields)
    return issued


# --- Form -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("part", "pattern"), [("id", r"zpk_[0-9A-Za-z]{28}"), ("secret", r"zps_[0-9A-Za-z]{46}")]
)
def test_id_and_secret_end_in_a_checksum_of_their_own(issued, part, pattern):
    text = issued.key.key_id if part == "id" else issued.secret
    assert re.fullmatch(pattern, text)
    checksum = 0
    for digit in text[-6:]:
        checksum = checksum * 62 + BASE_62.index(digit)
    assert checksum == zlib.crc32(text[:-6].encode())


def test_the_single_form_is_id_and_secret(issued):
    assert issued.single == f"{issued.key.key_id}.{issued.secret}"


def test_no_two_keys_are_alike(given):
    issued = [keys.issue(partner=given.partner) for _ in range(20)]
    assert len({each.key.key_id for each in issued} | {each.secret for each in issued}) == 40


# --- At rest ----------------------------------------------------------------------------------------------
def test_the_secret_is_not_in_the_row(issued):
    row = serializers.serialize("json", [ApiKey.objects.get(pk=issued.key.pk)])
    assert issued.secret not in row
    assert issued.secret.removeprefix("zps_") not in row


def test_at_rest_is_an_hmac_under_the_newest_pepper(given, settings):
    settings.API_KEY_PEPPERS = ["7:newest", "1:old"]
    issued = keys.issue(partner=given.partner)
    assert issued.key.pepper_version == 7
    expected = hmac.new(b"newest", issued.single.encode(), hashlib.sha256).hexdigest()
    assert issued.key.digest == expected


def test_the_pepper_is_not_the_secret_key(issued, settings):
    settings.SECRET_KEY = "another one altogether"
    assert opens(issued)


def test_a_key_outlives_a_new_pepper_as_long_as_its_own_is_kept(issued, settings):
    settings.API_KEY_PEPPERS = ["2:newer", *settings.API_KEY_PEPPERS]
    assert opens(issued)
    settings.API_KEY_PEPPERS = ["2:newer"]
    assert not opens(issued)


def test_a_pepper_that_was_changed_opens_nothing(issued, settings):
    settings.API_KEY_PEPPERS = ["1:changed"]
    assert not opens(issued)


# --- Verifying --------------------------------------------------------------------------------------------
def test_the_right_two_give_the_key_and_its_partner(given, issued, django_assert_num_queries):
    with django_assert_num_queries(1):
        key = keys.verify(key_id=issued.key.key_id, secret=issued.secret)
        assert key.partner == given.partner


@pytest.mark.parametrize(
    "key_id",
    ["", "zpk_", "nonsense", "zpk_" + "0" * 28, "zpk_\0", "zpk_\ud800", "zpk_é", "a.b", "x" * 10_000],
)
def test_an_unknown_id_is_invalid(issued, key_id):
    with pytest.raises(InvalidKey):
        keys.verify(key_id=key_id, secret=issued.secret)


def test_an_id_of_forbidden_characters_is_invalid_even_with_its_checksum(issued):
    body = "zpk_\0" + "0" * 21
    with pytest.raises(InvalidKey):
        keys.verify(key_id=body + credentials.checksum(body), secret=issued.secret)


@pytest.mark.parametrize("secret", ["", "zps_", "\udcff", "é", "\0"])
def test_a_wrong_secret_is_invalid(issued, secret):
    with pytest.raises(InvalidKey):
        keys.verify(key_id=issued.key.key_id, secret=secret)


def test_the_secret_of_another_key_is_invalid(given, issued):
    assert not opens(issued, secret=keys.issue(partner=given.partner).secret)


def test_a_misspelt_id_is_not_looked_up(issued, django_assert_num_queries):
    misspelt = issued.key.key_id[:-1] + ("0" if issued.key.key_id[-1] != "0" else "1")
    with django_assert_num_queries(0):
        assert not opens(issued, key_id=misspelt)


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_id_costs_the_same_digest_as_a_known_one(issued, monkeypatch, known):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    assert not opens(issued, key_id=None if known else "zpk_unknown", secret="zps_wrong")
    ((ours, theirs),) = compared
    assert len(ours) == len(theirs) == 64


# --- States -----------------------------------------------------------------------------------------------
def test_a_revoked_key_is_refused_at_once(issued):
    assert opens(issued)
    keys.revoke(key=issued.key)
    assert not opens(issued)


def test_revoking_twice_keeps_the_first_time(issued):
    keys.revoke(key=issued.key)
    first = ApiKey.objects.get(pk=issued.key.pk).revoked_at
    keys.revoke(key=issued.key)
    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at == first


@pytest.mark.parametrize(("seconds", "open_"), [(60, True), (-1, False)])
def test_a_key_works_until_it_expires(issued, seconds, open_):
    assert opens(changed(issued, expires_at=timezone.now() + timedelta(seconds=seconds))) is open_


def test_a_partner_that_is_switched_off_has_no_working_key(given, issued):
    Partner.objects.filter(pk=given.partner.pk).update(is_active=False)
    assert not opens(issued)


def test_a_key_has_the_scopes_it_was_given(given):
    key = keys.issue(partner=given.partner, scopes=["read"]).key
    assert key.allows("read")
    assert not key.allows("ingest")


def test_without_a_choice_a_key_may_do_everything(issued):
    assert all(issued.key.allows(scope) for scope in ("ingest", "read", "recordings"))


# --- Rotation ---------------------------------------------------------------------------------------------
def test_after_rotation_both_work_until_the_overlap_is_over(issued):
    new = keys.rotate(key=issued.key, overlap=timedelta(hours=1))
    assert opens(issued)
    assert opens(new)
    assert not opens(changed(issued, expires_at=timezone.now()))
    assert opens(new)


def test_the_old_one_ends_with_the_overlap(issued):
    keys.rotate(key=issued.key, overlap=timedelta(hours=1))
    ends = ApiKey.objects.get(pk=issued.key.pk).expires_at
    assert timedelta(minutes=59) < ends - timezone.now() <= timedelta(hours=1)


def test_rotation_never_prolongs_a_key(issued):
    soon = timezone.now() + timedelta(minutes=5)
    keys.rotate(key=changed(issued, expires_at=soon).key, overlap=timedelta(days=1))
    assert ApiKey.objects.get(pk=issued.key.pk).expires_at == soon


def test_the_new_key_may_do_what_the_old_one_may(given):
    old = keys.issue(
        partner=given.partner, label="nightly", scopes=["read"], sub_tenant=given.sub_tenant, sandbox=True
    )
    new = keys.rotate(key=old.key).key
    for field in ("partner", "label", "scopes", "sub_tenant", "sandbox"):
        assert getattr(new, field) == getattr(old.key, field)


# --- Last used --------------------------------------------------------------------------------------------
def test_the_first_use_is_noted(issued):
    credentials.note_use(ApiKey.objects.get(pk=issued.key.pk))
    used = ApiKey.objects.get(pk=issued.key.pk).last_used_at
    assert timezone.now() - used < timedelta(seconds=10)


def test_within_a_minute_nothing_is_written(issued, django_assert_num_queries):
    changed(issued, last_used_at=timezone.now() - timedelta(seconds=50))
    key = ApiKey.objects.get(pk=issued.key.pk)
    with django_assert_num_queries(0):
        credentials.note_use(key)


def test_after_a_minute_it_is_written_again(issued):
    before = timezone.now() - timedelta(seconds=61)
    changed(issued, last_used_at=before)
    credentials.note_use(ApiKey.objects.get(pk=issued.key.pk))
    assert ApiKey.objects.get(pk=issued.key.pk).last_used_at > before


def test_of_two_that_saw_an_old_use_one_writes(issued):
    first, second = (ApiKey.objects.get(pk=issued.key.pk) for _ in range(2))
    credentials.note_use(first)
    noted = ApiKey.objects.get(pk=issued.key.pk).last_used_at
    credentials.note_use(second)
    assert ApiKey.objects.get(pk=issued.key.pk).last_used_at == noted
