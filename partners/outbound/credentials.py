"""What shows a server that we may have a file: sent to the origin of the first URL, and to no other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_plus, urlencode, urlsplit

from partners.outbound.urls import Target

_MASK = "***"
# A shorter value occurs in any answer by chance, and keeps nothing secret.
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Credentials:
    """Headers and query parameters with secrets as their values, which no `repr` shows."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def added_to(self, url: str) -> str:
        """`url` with the query parameters, in the place of any of the same name."""
        if not self.query:
            return url
        kept = self.cut_from(url)
        joint = "&" if urlsplit(kept).query else "?"
        return f"{kept.rstrip('?')}{joint}{urlencode(self.query)}"

    def cut_from(self, url: str) -> str:
        """`url` without parameters of the same names."""
        if not self.query:
            return url
        parts = urlsplit(url)
        kept = [
            pair for pair in parts.query.split("&") if unquote_plus(pair.partition("=")[0]) not in self.query
        ]
        return parts._replace(query="&".join(kept)).geturl()

    def taken_from(self, target: Target) -> Target:
        """`target` as it is where the server that knows the secret has named it."""
        return replace(target, url=self.cut_from(target.url))

    def masked(self, text: str) -> str:
        """What a server said, without the secret that it may have repeated, however it escaped it."""
        for secret in self._secrets():
            text = re.sub("".join(map(_in_any_form, secret.encode())), _MASK, text, flags=re.IGNORECASE)
        return text

    def _secrets(self) -> list[str]:
        # Of "Bearer abc" it is the last word.
        found = [*self.query.values(), *(value.rpartition(" ")[2] for value in self.headers.values())]
        return [secret for secret in found if len(secret) >= _SHORTEST_SECRET]


def _in_any_form(byte: int) -> str:
    """A pattern of the byte as it is and as URLs write it."""
    plain = re.escape(chr(byte)) if byte != 0x20 else r"[ +]"
    return f"(?:%{byte:02x}|{plain})"


NO_CREDENTIALS = Credentials()
