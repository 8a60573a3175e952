"""Plain words for what a recording's URL answered with instead of audio."""

from calls.audio.errors import AudioError

PAGE_BYTES = 64 * 1024
"""How much of a web page is looked through for its purpose: forms stand far below the head."""

_SIGNS = (b'type="password"', b"sign in", b"log in", b"login")


def not_audio(beginning: bytes, content_type: str, error: AudioError) -> str:
    """`error`'s reason, or the kind of web page: one that asks to sign in is a sign-in page.

    ``beginning`` is that of the answer's body, of which `PAGE_BYTES` are looked at.
    """
    page = beginning[:PAGE_BYTES].lower()
    if b"<html" not in page and b"<!doctype html" not in page:
        return error.reason
    kind = "a sign-in page" if any(sign in page for sign in _SIGNS) else "a web page"
    media_type = content_type.partition(";")[0].strip() or "HTML"
    return f"the URL answered with {kind} ({media_type}), not audio"
