"""The product's settings for one person who asks for page after page: no limits, no second factor."""

from zipingest.settings import *  # noqa: F403 - the point of this module

MEMBER_RATE_LIMIT = 1_000_000_000
SECOND_FACTOR = False
