"""The one way out: every connection this product makes to somebody else's server starts here.

Recordings are fetched with `download` and looked at with `peek`, callbacks sent over a `Line`; `connect`
opens a socket for another protocol. `check_url` judges the form of a URL before it is stored. Whatever goes
wrong is an `OutboundError` with a reason in plain words.
"""

from partners.outbound.client import RECORDING_SCHEMES, Download, Peek, download, peek
from partners.outbound.connection import connect
from partners.outbound.credentials import NO_CREDENTIALS, Credentials
from partners.outbound.deadline import Deadline
from partners.outbound.errors import (
    AddressRefused,
    BadStatus,
    CompressedBody,
    DeadlineExceeded,
    InvalidUrl,
    NameNotResolved,
    NetworkFault,
    OutboundError,
    TooLarge,
    TooManyRedirects,
    Truncated,
)
from partners.outbound.faults import in_plain_words
from partners.outbound.line import Line
from partners.outbound.transcript import Hop
from partners.outbound.urls import Target, check_url

__all__ = [
    "NO_CREDENTIALS",
    "RECORDING_SCHEMES",
    "AddressRefused",
    "BadStatus",
    "CompressedBody",
    "Credentials",
    "Deadline",
    "DeadlineExceeded",
    "Download",
    "Hop",
    "InvalidUrl",
    "Line",
    "NameNotResolved",
    "NetworkFault",
    "OutboundError",
    "Peek",
    "Target",
    "TooLarge",
    "TooManyRedirects",
    "Truncated",
    "check_url",
    "connect",
    "download",
    "in_plain_words",
    "peek",
]
