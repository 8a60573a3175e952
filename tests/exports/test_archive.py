"""Archives that every program takes, to the byte as APPNOTE says, with ZIP64 only where it is needed."""

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from exports.packaging import Archive, ArchiveTotals, Content
from tests.exports.archives import ZEROS, SparseTarget, accepted, judged, zeros
from zipingest.storage import LocalStorage, Storage

MORNING = datetime(2026, 6, 1, 9, 30, 14, tzinfo=UTC)
LIMIT = 0xFFFF_FFFF
READERS = pytest.mark.needs_apt("unzip", "p7zip-full")


def made(*entries: tuple[str, bytes], modified: datetime = MORNING) -> bytes:
    target = io.BytesIO()
    with Archive(target) as archive:
        for name, data in entries:
            archive.add(name, Content.of(data), modified=modified)
    return target.getvalue()


# --- The bytes --------------------------------------------------------------------------------------------
def test_it_writes_an_entry_and_its_directory_as_appnote_says() -> None:
    crc32 = "5ca29706"  # of RIFF
    local = f"0a00 0000 0000 c74b c15c {crc32} 04000000 04000000 0500 0000"
    golden = f"""
        504b0304 {local} {b"a.wav".hex()} {b"RIFF".hex()}
        504b0102 2d03 {local} 0000 0000 0000 0000a481 00000000 {b"a.wav".hex()}
        504b0506 0000 0000 0100 0100 33000000 27000000 0000
    """
    assert made(("a.wav", b"RIFF")) == bytes.fromhex(golden)


def test_it_writes_an_empty_archive() -> None:
    assert made() == bytes.fromhex("504b0506") + bytes(18)


def test_the_totals_count_entries_and_every_byte() -> None:
    target = io.BytesIO()
    archive = Archive(target)
    archive.add("a", Content.of(b"1"), modified=MORNING)
    archive.add("b", Content.of(b""), modified=MORNING)
    assert archive.close() == ArchiveTotals(entries=2, bytes=len(target.getvalue()))


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (MORNING.replace(second=15, microsecond=999_999), (2026, 6, 1, 9, 30, 14)),
        (datetime(2026, 6, 1, 1, 30, tzinfo=timezone(timedelta(hours=7))), (2026, 5, 31, 18, 30, 0)),
        (datetime(1979, 12, 31, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2108, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), (1980, 1, 1, 0, 0, 0)),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_times_are_utc_in_even_seconds_within_what_the_format_knows(
    moment: datetime, shown: tuple[int, ...]
) -> None:
    [entry] = zipfile.ZipFile(io.BytesIO(made(("a", b""), modified=moment))).infolist()
    assert entry.date_time == shown


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        made(("a", b""), modified=datetime(2026, 6, 1))


@pytest.mark.parametrize(("name", "flagged"), [("plain.wav", False), ("Zoë 李.wav", True)])
def test_only_names_beyond_ascii_are_flagged_as_utf8(name: str, flagged: bool) -> None:
    [entry] = zipfile.ZipFile(io.BytesIO(made((name, b"")))).infolist()
    assert (entry.filename, bool(entry.flag_bits & 0x800)) == (name, flagged)


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../up", "a/../b", "a/", "a\\b", "a\0b", "n" * 65_536, "\ud800"]
)
def test_names_that_leave_the_folder_or_do_not_fit_are_refused(name: str) -> None:
    target = io.BytesIO()
    archive = Archive(target)
    with pytest.raises(ValueError, match=r"cannot name an entry|surrogates"):
        archive.add(name, Content.of(b""), modified=MORNING)
    assert target.getvalue() == b""


# --- Programs that read it --------------------------------------------------------------------------------
@READERS
def test_unzip_7z_and_python_accept_it_and_give_the_same_bytes_back(tmp_path: Path) -> None:
    entries = {"one.wav": os.urandom(100_000), "Zoë/李.wav": b"", "n" * 200 + ".wav": os.urandom(3)}
    (tmp_path / "made.zip").write_bytes(made(*entries.items()))
    with accepted(tmp_path / "made.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == entries
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


@READERS
def test_what_it_unpacks_to_can_be_read_by_others_than_the_owner(tmp_path: Path) -> None:
    (tmp_path / "made.zip").write_bytes(made(("a.wav", b"RIFF")))
    subprocess.run(["unzip", "-qq", "made.zip"], cwd=tmp_path, check=True)
    assert oct((tmp_path / "a.wav").stat().st_mode) == "0o100644"


@READERS
def test_a_writer_of_either_store_is_a_target(storage: Storage, tmp_path: Path) -> None:
    data = os.urandom(9 * 1024 * 1024)  # on S3 more than one part
    with (
        storage.open_writer("made.zip", content_type="application/zip") as writer,
        Archive(writer) as archive,
    ):
        archive.add("a.wav", Content.of(data), modified=MORNING)
    with storage.open_range("made.zip") as stream:
        (tmp_path / "made.zip").write_bytes(stream.read())
    with accepted(tmp_path / "made.zip") as archive:
        assert archive.read("a.wav") == data


# --- Trouble ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [3, 5])
def test_content_of_another_size_breaks_the_archive(size: int) -> None:
    archive = Archive(io.BytesIO())
    with pytest.raises(ValueError, match=f"4 bytes came for an entry of {size}"):
        archive.add("a", Content(size=size, crc32=0, chunks=[b"RIFF"]), modified=MORNING)
    with pytest.raises(ValueError, match="closed or broken"):
        archive.close()


def test_a_block_that_fails_writes_no_directory() -> None:
    target = io.BytesIO()
    archive = Archive(target)
    archive.add("a", Content.of(b"RIFF"), modified=MORNING)
    with suppress(KeyError), archive:
        raise KeyError
    assert b"PK\1\2" not in target.getvalue()
    with pytest.raises(ValueError, match="closed or broken"):
        archive.add("b", Content.of(b""), modified=MORNING)


def test_a_closed_archive_takes_no_more() -> None:
    with Archive(io.BytesIO()) as archive:
        archive.close()
    with pytest.raises(ValueError, match="closed or broken"):
        archive.close()


def test_a_cancel_is_heard_between_two_blocks_of_one_entry() -> None:
    heard = []

    def on_write(written: int) -> None:
        heard.append(written)
        if written > 3 * len(ZEROS):
            raise InterruptedError

    archive = Archive(io.BytesIO(), on_write=on_write)
    with pytest.raises(InterruptedError):
        archive.add("a", zeros(100 * len(ZEROS)), modified=MORNING)
    assert len(heard) == 3
    with pytest.raises(ValueError, match="closed or broken"):
        archive.close()


# --- ZIP64 ------------------------------------------------------------------------------------------------
@pytest.fixture
def sparse(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "large.zip"
    yield path
    path.unlink(missing_ok=True)


def write_sparse(path: Path, *sizes: int) -> None:
    with path.open("wb") as file, Archive(SparseTarget(file)) as archive:
        for number, size in enumerate(sizes):
            archive.add(f"{number}", zeros(size), modified=MORNING)


def records(path: Path) -> tuple[bool, bool]:
    """Whether there is an end record of ZIP64, and whether its locator leads there."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 98))
        end = file.read()
        if b"PK\6\7" not in end:
            return b"PK\6\6" in end, False
        file.seek(struct.unpack_from("<4sLQL", end, end.index(b"PK\6\7"))[2])
        return True, file.read(4) == b"PK\6\6"


@pytest.mark.parametrize(("size", "zip64"), [(LIMIT - 1, False), (LIMIT, True), (LIMIT + 1, True)])
def test_a_size_takes_zip64_from_the_first_value_that_does_not_fit(
    sparse: Path, size: int, zip64: bool
) -> None:
    write_sparse(sparse, size)
    local = sparse.open("rb").read(51)
    [entry] = zipfile.ZipFile(sparse).infolist()
    assert (entry.file_size, entry.compress_size) == (size, size)
    assert (entry.extract_version, len(entry.extra)) == ((45, 20) if zip64 else (10, 0))
    assert struct.unpack_from("<H", local, 4) == (entry.extract_version,)
    assert local[31:51] == (struct.pack("<2H2Q", 1, 16, size, size) if zip64 else bytes(20))


@pytest.mark.parametrize(("offset", "zip64"), [(LIMIT - 1, False), (LIMIT, True), (LIMIT + 1, True)])
def test_an_offset_takes_zip64_from_the_first_value_that_does_not_fit(
    sparse: Path, offset: int, zip64: bool
) -> None:
    write_sparse(sparse, offset - 31, 10)
    first, second = zipfile.ZipFile(sparse).infolist()
    assert (first.extract_version, first.extra) == (10, b"")
    assert second.header_offset == offset
    assert second.extra == (struct.pack("<2HQ", 1, 8, offset) if zip64 else b"")
    assert second.extract_version == (45 if zip64 else 10)


@pytest.mark.parametrize(("start", "zip64"), [(LIMIT - 1, False), (LIMIT, True)])
def test_a_directory_that_begins_too_late_takes_an_end_record_of_zip64(
    sparse: Path, start: int, zip64: bool
) -> None:
    write_sparse(sparse, start - 31)
    assert records(sparse) == (zip64, zip64)
    assert zipfile.ZipFile(sparse).start_dir == start


@READERS
@pytest.mark.slow
@pytest.mark.parametrize(("entries", "zip64"), [(65_534, False), (65_535, True), (65_536, True)])
def test_many_entries_take_zip64_from_the_first_number_that_does_not_fit(
    sparse: Path, entries: int, zip64: bool
) -> None:
    with sparse.open("wb") as file, Archive(file) as archive:
        for number in range(entries):
            archive.add(f"{number}.wav", Content.of(b"RIFF"), modified=MORNING)
    assert records(sparse) == (zip64, zip64)
    with accepted(sparse) as archive:
        assert len(archive.namelist()) == entries


@READERS
@pytest.mark.slow
def test_more_than_4_gib_are_read_back(sparse: Path) -> None:
    # One more than the limit itself, which unzip 6.0 takes for the mark again; no 16-bit WAV has an odd size.
    sizes = (LIMIT + 1, 10)
    with sparse.open("wb") as file, Archive(SparseTarget(file)) as archive:
        for number, size in enumerate(sizes):
            archive.add(f"{number}.wav", zeros(size, crc32=crc32_of_zeros(size)), modified=MORNING)
    with judged(sparse) as archive:
        assert [entry.file_size for entry in archive.infolist()] == [*sizes]
        assert archive.read("1.wav") == bytes(10)


def crc32_of_zeros(size: int) -> int:
    crc32 = 0
    for chunk in zeros(size).chunks:
        crc32 = zlib.crc32(chunk, crc32)
    return crc32


# --- Memory -----------------------------------------------------------------------------------------------
EXPORT = """
import re, sys
from collections import namedtuple
from datetime import datetime, timedelta, UTC
from pathlib import Path
from uuid import uuid4
from exports.manifest import EntryStatus, Manifest, ManifestRow
from exports.packaging import Archive, EntryNames, read_ahead
from zipingest.storage import LocalStorage
import zlib

storage = LocalStorage(Path(sys.argv[1]))
Wanted = namedtuple("Wanted", "key size crc32")
data = bytes(400)
wanted = (Wanted(f"{number % 100}.wav", 400, zlib.crc32(data)) for number in range(int(sys.argv[2])))
names, manifest, start = EntryNames(), Manifest(), datetime(2026, 6, 1, tzinfo=UTC)
with storage.open_writer("made.zip", content_type="application/zip") as writer, Archive(writer) as archive:
    for number, (item, content) in enumerate(read_ahead(wanted, storage)):
        uuid, moment = uuid4(), start + timedelta(seconds=number)
        name = names.name(moment, "101", "+12025550123", uuid)
        archive.add(name, content, modified=moment)
        manifest.add(ManifestRow(
            call_uuid=uuid, agent_extension="101", agent_name="Zoë Agent", disposition_code="SALE-OK",
            started_at=moment, lead_phone_number="+12025550123", status=EntryStatus.INCLUDED,
            duration_seconds=12.5, file=name, bytes=item.size, sha256="0" * 64,
        ))
    archive.add("manifest.csv", manifest.content(), modified=start)
print(re.search("VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""


@READERS
@pytest.mark.slow
def test_a_hundred_thousand_entries_take_less_than_150_mb(local: LocalStorage) -> None:
    for number in range(100):
        with local.open_writer(f"{number}.wav", content_type="audio/wav") as writer:
            writer.write(bytes(400))
    command = [sys.executable, "-c", EXPORT, str(local.root), "100000"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) < 150_000  # kB
    with accepted(local.root / "made.zip") as archive:
        assert len(set(archive.namelist())) == 100_001
