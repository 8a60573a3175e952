"""Azure Blob Storage: service shared access signatures (SAS) that are made here.

Source: "Create a service SAS", Azure Storage REST API, version 2020-12-06 and later.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote, urlencode

from calls.models import DirectAccess
from calls.sources.base import secret_of
from calls.sources.stores import SIGNED_SECONDS, SecretUnusable, SignedStore

_VERSION = "2021-12-02"


class Azure(SignedStore):
    listed: ClassVar = b"<Name>"

    def file_url(self, access: DirectAccess, path: str) -> str:
        signature = _signature(access, f"{access.container}/{path}", kind="b", permissions="r")
        return f"{_container_url(access)}/{quote(path, safe='/~')}?{urlencode(signature)}"

    def listing_url(self, access: DirectAccess, path: str) -> str:
        signature = _signature(access, access.container, kind="c", permissions="l")
        query = {"restype": "container", "comp": "list", "maxresults": "1"}
        query |= {"prefix": f"{path}/"} if path else {}
        return f"{_container_url(access)}?{urlencode(query | signature)}"


def _container_url(access: DirectAccess) -> str:
    endpoint = access.endpoint or f"https://{access.account}.blob.core.windows.net"
    return f"{endpoint.rstrip('/')}/{quote(access.container, safe='')}"


def _signature(access: DirectAccess, resource: str, *, kind: str, permissions: str) -> dict[str, str]:
    """The query parameters that allow ``permissions`` on the blob (kind b) or container (c) ``resource``."""
    expiry = (datetime.now(UTC) + timedelta(seconds=SIGNED_SECONDS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Without a beginning, so that a clock behind ours takes it at once. The empty lines stand for: beginning;
    # identifier, address, protocol; snapshot, encryption scope, and five headers of the answer.
    signed = [permissions, "", expiry, f"/blob/{access.account}/{resource}"]
    signed += ["", "", "", _VERSION, kind, "", "", "", "", "", "", ""]
    digest = hmac.digest(_key(access), "\n".join(signed).encode(), hashlib.sha256)
    return {
        "sv": _VERSION,
        "sr": kind,
        "sp": permissions,
        "se": expiry,
        "sig": base64.b64encode(digest).decode(),
    }


def _key(access: DirectAccess) -> bytes:
    try:
        return base64.b64decode(secret_of(access), validate=True)
    except (binascii.Error, ValueError):
        raise SecretUnusable("the account key is not one of Azure's, which are base64") from None
