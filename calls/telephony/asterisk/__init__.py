"""Asterisk, through its REST interface (ARI): see docs/guides/asterisk.md for what it must be told."""

from calls.telephony.asterisk.provider import Asterisk

__all__ = ["Asterisk"]
