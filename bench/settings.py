"""The product's settings without its limit on requests, and with a bare view of the same files beside it."""

from zipingest.settings import *  # noqa: F403 - the point of this module

MEMBER_RATE_LIMIT = 1_000_000_000
ROOT_URLCONF = "bench.peer.files"
