"""Why a fetch failed, in plain words that name neither host nor address: of the codes of FetchAttempt."""

_WORDS = {
    "address_refused": "the URL leads to an address that is not public",
    "bad_audio": "the audio is broken or not supported",
    "compressed_body": "a compressed answer",
    "deadline_exceeded": "the server took too long",
    "decoder_crashed": "the file ended our decoder",
    "decoder_unavailable": "our decoder was not there",
    "invalid_url": "a URL that we do not open",
    "mono": "mono, where two channels are needed",
    "name_not_resolved": "the host's name was not found",
    "network_fault": "no connection, or a broken one",
    "not_audio": "something else than audio",
    "pauses_do_not_fit": "its pauses could not be placed in it",
    "storage": "our storage did not take it",
    "too_large": "the file is too large",
    "too_many_redirects": "too many redirects",
    "truncated": "the answer broke off",
    "url_expired": "the URL was no longer valid",
}


def in_words(code: str) -> str:
    """``http_404``: the server answered 404. A code that has no words yet is its own."""
    status = code.removeprefix("http_")
    return f"the server answered {status}" if status != code else _WORDS.get(code, code.replace("_", " "))
