"""Why a fetch failed, in plain words that name neither host nor address: of the codes of FetchAttempt."""

_WORDS = {
    "access_denied": "the server did not let us in",
    "address_refused": "the URL leads to an address that is not public",
    "auth_unusable": "an auth config that makes no valid header",
    "bad_audio": "the audio is broken or not supported",
    "compressed_body": "a compressed answer",
    "deadline_exceeded": "the server took too long",
    "decoder_crashed": "the file ended our decoder",
    "decoder_unavailable": "our decoder was not there",
    "host_key_mismatch": "the server showed another host key",
    "host_not_covered": "a host that the auth config does not name",
    "invalid_url": "a URL that we do not open",
    "mono": "mono, where two channels are needed",
    "name_not_resolved": "the host's name was not found",
    "network_fault": "no connection, or a broken one",
    "no_access": "direct access is not set up any more",
    "no_such_file": "there is no such file",
    "not_audio": "something else than audio",
    "path_refused": "a filename that we do not look for",
    "pauses_do_not_fit": "its pauses could not be placed in it",
    "provider_failed": "the telephony provider did not hand it out",
    "scratch": "our scratch folder could not be used",
    "secret_unreadable": "none of our keys opens the access's secret",
    "secret_unusable": "the access's secret or host key is of the wrong form",
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
