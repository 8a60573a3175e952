"""What is asked of how recordings are got at, and what of it is refused, in plain words."""

import base64
import itertools
import re
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.core.validators import RegexValidator
from django.forms import ValidationError

from calls.admin.parts import SecretForm, SecretLines, WordsField
from calls.models import AuthMethod, DirectAccess, RecordingAuth, StoreKind
from partners.admin.pages import RecordingUrlForm
from partners.admin.toolkit import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget
from partners.outbound import InvalidUrl, check_url
from partners.outbound.urls import is_host

# A header's name (RFC 9110 §5.1), and what a value of one, or of a query parameter, may hold here.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PARAMETER = re.compile(r"[0-9A-Za-z._~$\[\]-]+")
_PRINTABLE = RegexValidator(r"\A[\x20-\x7e]+\Z", "Only printable ASCII can be sent.")
# Headers that say how the message travels, whom it is for, or what is asked for: ours alone to set.
_OUR_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "range", "user-agent", "cookie", "host", "via", "expect"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-encoding", "content-length", "content-type"),
    }
)
_OUR_PREFIXES = ("forwarded", "if-", "proxy-", "sec-", "x-forwarded-")
_CONTAINER = re.compile(r"[0-9A-Za-z$][0-9A-Za-z._-]*")
_NO_HOST_KEY = "Paste the server's key as ssh-keyscan prints it: ssh-ed25519 AAAA…"
_KEY_TYPE = re.compile(r"ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)")


# --- Auth configs ----------------------------------------------------------------------------------------
def _host(word: str) -> str:
    """As a URL's host and port are compared: in small letters, without the port that https has anyway."""
    if any(sign in word for sign in "/?#@"):
        raise ValidationError(f"{word}: write only the host, or host:port, without https:// and path.")
    try:
        return check_url(f"https://{word.lower()}/", schemes=("https",)).authority
    except InvalidUrl as error:
        raise ValidationError(f"{word}: {error.reason}.") from error


class RecordingAuthForm(SecretForm):
    hosts = WordsField(
        read=_host,
        help_text="host or host:port, without https://, with commas between them. The secret goes to no "
        "other.",
    )
    entered_for = ("hosts",)

    class Meta:
        model = RecordingAuth
        fields = ("sub_tenant", "name", "method", "parameter", "hosts")
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed later.",
            "parameter": "Name of the query parameter or of the header; empty with Authorization: Bearer.",
        }

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if secret:
            _PRINTABLE(secret)
        return secret

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        method, parameter = given.get("method"), given.get("parameter", "")
        if method and "parameter" in given and (fault := _parameter_fault(AuthMethod(method), parameter)):
            self.add_error("parameter", fault)
        return given


def _parameter_fault(method: AuthMethod, name: str) -> str:
    """What is wrong with the name of the parameter or header; empty where nothing is."""
    if method == AuthMethod.BEARER:
        return "The bearer token has a header of its own: leave this empty." if name else ""
    if not name:
        return f"The {method.label} needs a name."
    if method == AuthMethod.QUERY:
        return "" if _PARAMETER.fullmatch(name) else "Use letters, digits and . _ ~ $ [ ] - only."
    if not _HEADER.fullmatch(name):
        return "This is not the name of a header, like X-Api-Key."
    lower = name.lower()
    ours = lower in _OUR_HEADERS or lower.startswith(_OUR_PREFIXES)
    return "This header says how the request itself travels: it cannot carry a secret." if ours else ""


class TrialUrlForm(RecordingUrlForm):
    """Of a recording that the secret is to open."""

    schemes = ("https",)


# --- Direct access ---------------------------------------------------------------------------------------
class DirectAccessForm(SecretForm):
    new_secret = forms.CharField(
        label="Secret",
        max_length=16_384,
        widget=SecretLines,
        help_text="The secret access key of S3, the account key of Azure; of SFTP a password, or a private "
        "key in PEM.",
    )
    entered_for = ("kind", "endpoint", "host_key")

    class Meta:
        model = DirectAccess
        fields = (
            "sub_tenant",
            "kind",
            "endpoint",
            "region",
            "container",
            "base_path",
            "account",
            "host_key",
        )
        help_texts: ClassVar = {
            "sub_tenant": "It cannot be changed later.",
            "base_path": "The folder that recordings lie in; nothing outside of it is read.",
        }
        widgets: ClassVar = {"host_key": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        error_messages: ClassVar = {"sub_tenant": {"unique": "This sub-tenant has direct access already."}}

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        return secret.replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if kind := given.get("kind"):
            _RULES[StoreKind(kind)](self, given)
        if any(part in (".", "..") for part in given.get("base_path", "").replace("\\", "/").split("/")):
            self.add_error("base_path", "Name the folder itself, without . and .. on the way.")
        return given


def _check_s3(form: SecretForm, given: dict[str, Any]) -> None:
    _check_store(form, given)
    _refuse(form, given, "host_key", "Only SFTP servers have a host key: leave this empty.")


def _check_azure(form: SecretForm, given: dict[str, Any]) -> None:
    _check_s3(form, given)
    _refuse(form, given, "region", "Only S3 has regions: leave this empty.")
    if _decoded(given.get("new_secret", "")) is None:
        form.add_error("new_secret", "This is no account key of Azure, which are in base64.")


def _check_store(form: SecretForm, given: dict[str, Any]) -> None:
    container = given.get("container", "")
    if not container:
        form.add_error("container", "Name the bucket or container.")
    elif not _CONTAINER.fullmatch(container):
        form.add_error("container", "This is not the name of a bucket or container.")
    if endpoint := given.get("endpoint"):
        _try(form, given, "endpoint", lambda: _endpoint(endpoint))


def _check_sftp(form: SecretForm, given: dict[str, Any]) -> None:
    _refuse(form, given, "region", "Only S3 has regions: leave this empty.")
    _refuse(form, given, "container", "SFTP servers have folders only: name one as the base path.")
    _try(form, given, "endpoint", lambda: _sftp_endpoint(given.get("endpoint", "")))
    _try(form, given, "host_key", lambda: _host_key(given.get("host_key", "")))


_RULES: dict[StoreKind, Callable[[SecretForm, dict[str, Any]], None]] = {
    StoreKind.S3: _check_s3,
    StoreKind.AZURE: _check_azure,
    StoreKind.SFTP: _check_sftp,
}


def _refuse(form: SecretForm, given: dict[str, Any], name: str, text: str) -> None:
    if given.get(name):
        form.add_error(name, text)


def _try(form: SecretForm, given: dict[str, Any], name: str, read: Callable[[], str]) -> None:
    """Put what ``read`` makes of a field in its place; what it raises is the field's error."""
    try:
        given[name] = read()
    except ValidationError as error:
        form.add_error(name, error)


def _endpoint(text: str) -> str:
    """Where a store is: https on the public internet, also http where the environment trusts the host."""
    parts = urlsplit(text)
    try:
        check_url(text, schemes=("https",), configured=True)
    except InvalidUrl as error:
        raise ValidationError(f"{error.reason[0].upper()}{error.reason[1:]}.") from error
    if parts.query or parts.fragment:
        raise ValidationError("Name only the host, like https://storage.example.com.")
    return text.rstrip("/")


def _sftp_endpoint(text: str) -> str:
    endpoint = text.lower()
    try:
        parts = urlsplit(f"//{endpoint}")
        fits = is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.netloc != endpoint or "@" in endpoint:
        raise ValidationError("Name the SFTP server as host or host:port.")
    return endpoint


def _host_key(text: str) -> str:
    """A key a line as type and base64, without the host before or the comment behind them."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValidationError(_NO_HOST_KEY)
    return "\n".join(_typed_key(line.split()) for line in lines)


def _typed_key(words: list[str]) -> str:
    for kind, key in itertools.pairwise(words):
        # The key says its own type once more, after the length of the word (RFC 4253 §6.6).
        said = len(kind).to_bytes(4, "big") + kind.encode()
        if _KEY_TYPE.fullmatch(kind) and (_decoded(key) or b"").startswith(said):
            return f"{kind} {key}"
    raise ValidationError(_NO_HOST_KEY)


def _decoded(text: str) -> bytes | None:
    """None where ``text`` is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


class TrialFileForm(forms.Form):
    filename = forms.CharField(
        required=False,
        max_length=1024,
        widget=UnfoldAdminTextInputWidget,
        help_text="As a request would name it, below the base path; empty only asks whether we are let in.",
    )
