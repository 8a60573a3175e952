"""The second factor: nothing of the console opens without it; how it is set up, shown, changed and reset."""

import re
from base64 import b32decode
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from partners import second_factor
from partners.groups import ADMINISTRATORS
from partners.models import Authenticator, RecoveryCode, User
from partners.second_factor import TooManyCodes, WrongCode
from tests.console.conftest import World, staff
from tests.console.routes import ROUTES, address
from tests.support import factories
from tests.support.stored import everything_stored
from tests.work.support import in_threads
from zipingest import crypto

PASSWORD = "a-Long-1-phrase"
LOGIN, ASK, SET_UP, CHANGE, INDEX = (
    reverse(f"admin:{name}")
    for name in ("login", "second_factor", "second_factor_set_up", "second_factor_change", "index")
)


class Clock:
    """The clock by which codes are made and judged; ``tick`` takes it into the next code's time."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def tick(self) -> None:
        self.now += 30

    def code(self, secret: str, steps: int = 0) -> str:
        clock = TOTP(b32decode(secret), drift=steps)
        clock.time = self.now
        return f"{clock.token():06}"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django_otp.oath.time", clock)
    return clock


@pytest.fixture(autouse=True)
def _demanded(settings: Any) -> None:
    settings.SECOND_FACTOR = True


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


SECRET = second_factor.new_secret()


@pytest.fixture
def codes(root: User, clock: Clock) -> Iterator[list[str]]:
    """Recovery codes of ``root``, whose app is set up with SECRET and shows its next code."""
    _, codes = second_factor.set_up(user=root, secret=SECRET, code=clock.code(SECRET))
    clock.tick()
    return codes


def signed_in(username: str = "root") -> Client:
    client = Client()
    assert client.post(LOGIN, {"username": username, "password": PASSWORD}).status_code == 302
    return client


def entered(code: str, username: str = "root") -> Client:
    client = signed_in(username)
    assert client.post(ASK, {"code": code}).status_code == 302
    return client


def said(answer: Any) -> str:
    return " ".join(answer.context["form"].errors.get("code", []))


# --- The door ---------------------------------------------------------------------------------------------
OPEN = {"login", "second_factor", "second_factor_set_up"}
SOME = ("index", "search", "jsi18n", "autocomplete", "calls_call_changelist", "partners_user_add")


def refuse(client: Client, name: str, url: str, data: dict[str, Any]) -> None:
    for answer in (client.get(url), client.post(url, data)):
        assert answer.status_code == 302, name
        assert answer.url.startswith(INDEX if name == "logout" else LOGIN), name
        assert not answer.content, name


def test_by_the_password_alone_the_console_does_not_open(root: User) -> None:
    client = signed_in()
    for name in SOME:
        refuse(client, name, reverse(f"admin:{name}"), {})
    assert client.get(LOGIN)["Location"] == f"{ASK}?next=%2Fadmin%2F"


@pytest.mark.slow  # every route of the console
def test_by_the_password_alone_no_page_of_the_console_opens_and_nothing_changes(world: World) -> None:
    client = staff("root")
    urls = {name: address(name, world) for name in ROUTES.keys() - OPEN}
    data = {name: row.data(world) if row.data else {} for name, row in ROUTES.items()}
    before = everything_stored()

    for name, url in {**urls, "nowhere": "/admin/nowhere/"}.items():
        refuse(client, name, url, data.get(name, {}))
    assert everything_stored() == before


@pytest.mark.slow  # as every route of the console is
@pytest.mark.parametrize("url", [ASK, SET_UP, CHANGE])
def test_its_own_pages_are_for_our_staff_alone(url: str, db: None) -> None:
    clients = [Client(), Client()]
    clients[1].force_login(factories.person("admin"))
    for client in clients:
        for answer in (client.get(url), client.post(url, {"code": "123456"})):
            assert answer.status_code == 302
            assert answer.url.startswith(LOGIN)


def test_who_has_none_yet_sets_one_up_and_comes_to_where_they_were_going(root: User, clock: Clock) -> None:
    client, going_to = Client(), reverse("admin:partners_partner_changelist")
    credentials = {"username": "root", "password": PASSWORD, "next": going_to}
    page = client.post(f"{LOGIN}?next={going_to}", credentials, follow=True)
    assert page.redirect_chain[-1][0].startswith(SET_UP)
    assert "<svg" in page.content.decode()
    secret = "".join(page.context["groups"])
    assert secret in page.context["uri"]
    key = client.session.session_key

    wrong = client.post(SET_UP, {"code": "000000", "next": going_to})
    assert said(wrong) == "This code is wrong, or was used already."
    assert "".join(wrong.context["groups"]) == secret
    assert not Authenticator.objects.exists()

    done = client.post(SET_UP, {"code": clock.code(secret), "next": going_to})
    assert len(set(done.context["codes"])) == second_factor.RECOVERY_CODES
    assert all(code in done.content.decode() for code in done.context["codes"])
    assert done.context["go_on"] == going_to
    assert "no-store" in done["Cache-Control"]
    assert client.session.session_key != key
    assert client.get(going_to).status_code == 200
    assert LogEntry.objects.get().change_message == "Second factor set up."


def test_each_new_session_is_asked_and_goes_on_nowhere_else(
    root: User, codes: list[str], clock: Clock
) -> None:
    client, code = signed_in(), clock.code(SECRET)
    key = client.session.session_key
    answer = client.post(ASK, {"code": f"{code[:3]} {code[3:]}", "next": "https://evil.example.com/"})
    assert answer["Location"] == INDEX
    assert client.session.session_key != key
    assert client.get(INDEX).status_code == 200
    assert signed_in().get(INDEX).status_code == 302


@pytest.mark.slow  # it renders several pages
def test_half_way_in_one_can_sign_out(root: User) -> None:
    client = signed_in()
    assert "Signed in as root" in client.get(SET_UP).content.decode()
    assert client.post("/logout", {"next": LOGIN})["Location"] == LOGIN
    assert "sessionid" not in client.cookies or not client.cookies["sessionid"].value


@pytest.mark.slow  # it renders several pages
def test_where_it_is_not_demanded_nobody_is_asked(root: User, codes: list[str], settings: Any) -> None:
    settings.SECOND_FACTOR = False
    assert signed_in().get(INDEX).status_code == 200


# --- Codes ------------------------------------------------------------------------------------------------
@pytest.mark.slow  # it renders several pages
def test_codes_of_the_neighbouring_steps_are_taken_and_no_others(
    root: User, codes: list[str], clock: Clock
) -> None:
    for steps, taken in ((-2, False), (2, False), (0, True), (1, True)):
        Authenticator.objects.update(throttling_failure_count=0)
        if taken:
            second_factor.verify(user=root, code=clock.code(SECRET, steps))
        else:
            with pytest.raises(WrongCode):
                second_factor.verify(user=root, code=clock.code(SECRET, steps))


def test_no_code_is_taken_twice_nor_one_before_it(root: User, codes: list[str], clock: Clock) -> None:
    code = clock.code(SECRET)
    entered(code)
    for used in (code, clock.code(SECRET, -1)):
        Authenticator.objects.update(throttling_failure_count=0)
        assert said(signed_in().post(ASK, {"code": used})) == "This code is wrong, or was used already."


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_passes(clock: Clock) -> None:
    root = User.objects.create_superuser("root", password=PASSWORD)
    second_factor.set_up(user=root, secret=SECRET, code=clock.code(SECRET))
    clock.tick()
    code = clock.code(SECRET)

    def passes() -> bool:
        try:
            return bool(second_factor.verify(user=root, code=code))
        except (WrongCode, TooManyCodes):
            return False

    assert sorted(in_threads(4, passes)) == [False, False, False, True]


def test_after_wrong_codes_even_the_right_one_waits_and_each_doubles_the_wait(
    root: User, codes: list[str], clock: Clock
) -> None:
    client = signed_in()
    for _ in range(5):
        Authenticator.objects.update(throttling_failure_timestamp=None)
        client.post(ASK, {"code": "000000"})
    answer = client.post(ASK, {"code": clock.code(SECRET)})
    assert answer.status_code == 429
    assert 14 <= int(answer["Retry-After"]) <= 17
    assert said(answer).startswith("Too many wrong codes. Try again in ")
    assert client.post(ASK, {"code": codes[0]}).status_code == 429

    Authenticator.objects.update(throttling_failure_timestamp=None)
    assert client.post(ASK, {"code": clock.code(SECRET)}).status_code == 302
    assert Authenticator.objects.get().throttling_failure_count == 0


@pytest.mark.slow  # it renders several pages
def test_what_is_no_code_is_refused(root: User, codes: list[str]) -> None:
    client, elsewhere = signed_in(), "\u0664\u0665\u0666\u0667\u0668\u0669"
    for code in ("", " ", "12345", "1234567", elsewhere, "\0", "-", "a" * 41):
        Authenticator.objects.update(throttling_failure_count=0)
        assert said(client.post(ASK, {"code": code})), repr(code)
    assert client.get(INDEX).status_code == 302


def test_a_recovery_code_opens_once_and_the_last_ones_are_told_of(root: User, codes: list[str]) -> None:
    typed = codes[0].replace("-", " ").lower()
    entered(typed)
    with pytest.raises(WrongCode):
        second_factor.verify(user=root, code=codes[0])
    RecoveryCode.objects.exclude(digest=RecoveryCode.digest_of(codes[1])).delete()
    Authenticator.objects.update(throttling_failure_count=0)
    page = entered(codes[1]).get(INDEX)
    assert "Recovery codes left: 0." in page.content.decode()


# --- What is kept -----------------------------------------------------------------------------------------
def test_nothing_readable_is_kept_of_secret_or_codes(
    root: User, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    client = signed_in()
    secret = "".join(client.get(SET_UP).context["groups"])
    waiting = str(Session.objects.get().get_decoded())
    codes = client.post(SET_UP, {"code": clock.code(secret)}).context["codes"]
    session = str(Session.objects.get().get_decoded())
    held = f"{waiting} {session} {everything_stored()} {caplog.text} {capfd.readouterr()}"
    assert not [kept for kept in (secret, b32decode(secret).hex(), *codes) if kept in held]
    assert "second_factor" not in session
    assert secret not in repr(Authenticator.objects.get())
    assert secret not in entered(codes[0]).get(CHANGE).content.decode()


@pytest.mark.slow  # it renders several pages
def test_it_works_on_when_the_keys_of_encryption_are_replaced(
    root: User, codes: list[str], clock: Clock, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = ["new", *settings.ENCRYPTION_KEYS]
    call_command("rotate_encryption", stdout=StringIO())
    settings.ENCRYPTION_KEYS = ["new"]
    assert crypto.decrypt(Authenticator.objects.get().sealed_secret) == SECRET
    assert entered(clock.code(SECRET)).get(INDEX).status_code == 200


# --- Changing and losing it -------------------------------------------------------------------------------
@pytest.mark.slow  # it renders several pages
def test_new_recovery_codes_replace_the_old_ones_and_take_a_code(
    root: User, codes: list[str], clock: Clock
) -> None:
    client = entered(clock.code(SECRET))
    assert "Recovery codes left: 10." in client.get(CHANGE).content.decode()
    assert said(client.post(CHANGE, {"code": "000000", "codes": "1"}))
    Authenticator.objects.update(throttling_failure_count=0)
    clock.tick()
    new = client.post(CHANGE, {"code": clock.code(SECRET), "codes": "1"}).context["codes"]
    assert RecoveryCode.objects.count() == len(new) == second_factor.RECOVERY_CODES
    with pytest.raises(WrongCode):
        second_factor.verify(user=root, code=codes[0])
    assert "Recovery codes renewed." in LogEntry.objects.values_list("change_message", flat=True)


@pytest.mark.slow  # it renders several pages
def test_another_app_takes_the_place_of_the_first(root: User, codes: list[str], clock: Clock) -> None:
    client, other = entered(clock.code(SECRET)), entered(codes[0])
    assert said(client.post(CHANGE, {"code": "000000", "another": "1"}))
    Authenticator.objects.update(throttling_failure_count=0)
    assert client.post(CHANGE, {"code": codes[1], "another": "1"})["Location"] == SET_UP
    assert other.get(INDEX).status_code == client.get(INDEX).status_code == 302
    secret = "".join(client.get(SET_UP).context["groups"])
    assert secret != SECRET
    client.post(SET_UP, {"code": clock.code(secret)})
    assert client.get(INDEX).status_code == 200
    assert other.get(INDEX).status_code == 302


@pytest.mark.slow  # it renders several pages
def test_a_session_counts_only_with_the_persons_own_authenticator(root: User, codes: list[str]) -> None:
    User.objects.create_superuser("eve", password=PASSWORD)
    client = signed_in("eve")
    session = client.session
    session["otp_device_id"] = Authenticator.objects.get().persistent_id
    session.save()
    assert client.get(INDEX).status_code == 302


def test_a_superuser_resets_it_for_another_whose_open_sessions_end(
    root: User, codes: list[str], clock: Clock, settings: Any
) -> None:
    client = entered(clock.code(SECRET))
    reset = reverse("admin:partners_user_reset_second_factor", args=[root.pk])
    settings.SECOND_FACTOR = False
    helper, own = staff("helper"), staff("own", ADMINISTRATORS)
    client.get(reset)
    assert client.post(reset).status_code == own.post(reset).status_code == 403
    client.post(reverse("admin:partners_user_reset_second_factor", args=[f"0{root.pk}"]))
    assert Authenticator.objects.exists()
    page = reverse("admin:partners_user_change", args=[root.pk])
    assert reset in helper.get(page).content.decode()
    assert "Make sure that it is they who ask" in helper.get(reset).content.decode()

    assert helper.post(reset, follow=True).status_code == 200
    settings.SECOND_FACTOR = True
    assert not RecoveryCode.objects.exists()
    assert client.get(INDEX).status_code == 302
    told = LogEntry.objects.get(change_message="Second factor removed.")
    assert (told.user.username, told.object_id) == ("helper", str(root.pk))


@pytest.mark.slow  # it renders several pages
def test_where_no_superuser_is_left_a_command_resets_it(root: User, codes: list[str]) -> None:
    said = StringIO()
    call_command("reset_second_factor", "root", stdout=said)
    assert "at the next sign-in" in said.getvalue()
    assert not Authenticator.objects.exists()
    told = LogEntry.objects.latest("pk").change_message
    assert told == "Second factor removed by manage.py reset_second_factor."
    for name, reason in (("root", "has no second factor"), ("nobody", "there is no user")):
        with pytest.raises(CommandError, match=reason):
            call_command("reset_second_factor", name)


@pytest.mark.slow  # it renders several pages
def test_a_refusal_is_said_to_readers_of_the_page_without_the_code(root: User, codes: list[str]) -> None:
    page = signed_in().post(ASK, {"code": "987123"}).content.decode()
    assert re.search(r'role="alert"[^>]*>This code is wrong', page)
    assert 'autocomplete="one-time-code"' in page
    assert "987123" not in page
