"""What a filename may be, and how it becomes the name of a file below the base path."""

import pytest

from calls import reasons
from calls.models import DirectAccess
from calls.sources import direct
from calls.sources.direct import UnsafePath, address, path_for
from partners.outbound import OutboundError

KINDS = ["s3", "azure", "sftp"]


def access(kind: str = "s3", base_path: str = "") -> DirectAccess:
    return DirectAccess(kind=kind, base_path=base_path)


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        ("", "is empty"),
        ("..", "part that is empty, . or .."),
        ("../a.wav", "part that is empty, . or .."),
        ("2024/../../a.wav", "part that is empty, . or .."),
        ("2024/..", "part that is empty, . or .."),
        ("./a.wav", "part that is empty, . or .."),
        ("2024//a.wav", "part that is empty, . or .."),
        ("2024/", "part that is empty, . or .."),
        ("/etc/passwd", "is an absolute path"),
        ("//host/a.wav", "is an absolute path"),
        ("..\\a.wav", "holds a backslash"),
        ("2024\\a.wav", "holds a backslash"),
        ("a\x00.wav", "holds a control character"),
        ("a\n.wav", "holds a control character"),
        ("a\x7f.wav", "holds a control character"),
        ("a\ud800.wav", "holds a control character"),
        ("a" * 1025, "is longer than 1024 characters"),
        ("ü" * 200, "is longer than 1024 characters"),
    ],
)
def test_a_filename_that_could_leave_the_base_path_is_refused_with_a_reason(filename, reason):
    for kind in KINDS:
        with pytest.raises(UnsafePath, match=reason):
            address(access(kind, "base"), filename)
        with pytest.raises(OutboundError, match=reason) as caught:
            path_for(access(kind, "base"), filename)
        assert (caught.value.code, caught.value.permanent) == ("path_refused", True)


@pytest.mark.parametrize(
    "filename",
    ["a.wav", "2024/05/a b.wav", "..a/b..", "%2e%2e/a.wav", "https://x".replace("//", "/"), "ü:ß?#.wav"],
)
def test_any_other_name_is_taken_as_it_is(filename):
    for kind in KINDS:
        assert address(access(kind), filename) == f"{kind}:{filename}"
        assert path_for(access(kind), filename) == filename


def test_the_base_path_counts_for_the_length():
    address(access(), "a" * 1024)
    with pytest.raises(UnsafePath):
        address(access(base_path="b"), "a" * 1023)


@pytest.mark.parametrize(
    ("kind", "base_path", "expected"),
    [
        ("s3", "/2024/05/", "2024/05/a.wav"),
        ("azure", "2024", "2024/a.wav"),
        ("azure", "/", "a.wav"),
        # From the root of the server, or from where the user arrives.
        ("sftp", "/srv/calls/", "/srv/calls/a.wav"),
        ("sftp", "calls", "calls/a.wav"),
        ("sftp", "/", "/a.wav"),
        ("sftp", "", "a.wav"),
    ],
)
def test_files_are_looked_for_below_the_base_path(kind, base_path, expected):
    assert path_for(access(kind, base_path), "a.wav") == expected


def test_every_error_of_a_source_has_words():
    def below(kind: type) -> set[type]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {kind for kind in below(OutboundError) if kind.__module__.startswith("calls.sources")}
    assert len(ours) > 5
    for kind in ours:
        code = kind.code.fget(kind.__new__(kind))
        assert reasons.in_words(code) != code.replace("_", " ")


def test_every_kind_of_store_has_its_part():
    assert set(direct.STORES) == {kind.value for kind in direct.StoreKind}
