"""Amazon S3 and what speaks like it: presigned URLs (AWS Signature Version 4, query parameters).

botocore's signer signs; its client is left out, as it would take endpoints and profiles from the environment
of this machine.
"""

import re
from typing import ClassVar
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from calls.models import DirectAccess
from calls.sources.base import secret_of
from calls.sources.stores import SIGNED_SECONDS, SignedStore

_DEFAULT_REGION = "us-east-1"
# Names that can be the first label of a host. A dot would not fit Amazon's certificate.
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class S3(SignedStore):
    listed: ClassVar = b"<Key>"

    def file_url(self, access: DirectAccess, path: str) -> str:
        return _signed(access, f"{_bucket_url(access)}/{quote(path, safe='/~')}")

    def listing_url(self, access: DirectAccess, path: str) -> str:
        query = {"list-type": "2", "max-keys": "1", "prefix": f"{path}/" if path else ""}
        return _signed(access, f"{_bucket_url(access)}/?{urlencode(query, quote_via=quote)}")


def _bucket_url(access: DirectAccess) -> str:
    """By path for the endpoints of others, which need no name per bucket; by host for Amazon's own."""
    bucket = quote(access.container, safe="")
    if access.endpoint:
        return f"{access.endpoint.rstrip('/')}/{bucket}"
    host = f"s3.{access.region or _DEFAULT_REGION}.amazonaws.com"
    return f"https://{bucket}.{host}" if _LABEL.fullmatch(bucket) else f"https://{host}/{bucket}"


def _signed(access: DirectAccess, url: str) -> str:
    request = AWSRequest("GET", url)
    signer = S3SigV4QueryAuth(
        Credentials(access.account, secret_of(access)),
        "s3",
        access.region or _DEFAULT_REGION,
        expires=SIGNED_SECONDS,
    )
    signer.add_auth(request)
    return str(request.url)
