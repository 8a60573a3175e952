"""POST /api/call/upload: a batch of a CSV or XLSX file, all of it or nothing."""

import io
import json
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.dialer.models import Batch, CallingNumber, Contact, Switch
from calls.dialer.records import Rules
from calls.dialer.sheets import UnreadableFile, rows
from calls.dialer.table import Contacts
from tests.support import dialer_api
from tests.support.dialer_api import VARIABLES, DialerClient, data, refused

TYPES = [{"key": "age", "type": "number"}, {"key": "vip", "type": "boolean"}]


def csv_file(text: str | bytes, name: str = "contacts.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())


def xlsx_file(table: Iterable[Iterable[Any]], **options: Any) -> SimpleUploadedFile:
    """A workbook as Excel's own users save it, written by a program that is not ours."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as book:
        sheet, date = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for row, cells in enumerate(table):
            for column, cell in enumerate(cells):
                sheet.write(row, column, cell, *([date] if isinstance(cell, datetime) else []))
    return SimpleUploadedFile("contacts.xlsx", out.getvalue())


def changed(file: SimpleUploadedFile, part: str, change: Callable[[bytes], bytes]) -> SimpleUploadedFile:
    """The workbook with one of its parts rewritten."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == part else content)
    return SimpleUploadedFile("contacts.xlsx", out.getvalue())


# --- What is taken ----------------------------------------------------------------------------------------
def test_a_file_becomes_a_batch_that_is_called(dialer: DialerClient) -> None:
    dialer.number(variables=VARIABLES + TYPES)
    text = (
        "phoneNumber,account_id,age,vip,timezone\r\n"
        "12125551000,A0,40,TRUE,America/Chicago\r\n"
        '+12125551001,"A1, ""x""\nand more",1.5,,\r\n'
        "\r\n"
        "12125551000,second,,,\r\n"
    )
    told = data(
        dialer.upload(
            csv_file(text),
            retry="2",
            callingHour='{"start": "09:00", "end": "17:00"}',
            allowedDays="[1, 2]",
        ),
        201,
    )
    batch = Batch.objects.get()
    assert told == {"batchId": batch.public_id, "added": 2, "duplicates": 1}
    assert (batch.name, batch.retry, batch.allowed_days) == ("Uploaded", 2, [1, 2])
    assert batch.switch == Switch.STARTED
    first, second = Contact.objects.order_by("phone")
    assert first.variables == {
        "account_id": "A0",
        "age": 40,
        "vip": True,
        "timezone": "America/Chicago",
    }
    assert (first.phone, first.time_zone) == ("+12125551000", "America/Chicago")
    assert second.variables == {"account_id": 'A1, "x"\nand more', "age": 1.5}


@pytest.mark.parametrize(
    "content",
    [
        "phone,name\n12125551000,Zoë\n".encode(),
        "\ufeffPhone,name\n12125551000,Zoë\n".encode(),
        "name;PHONENUMBER;\r\nZoë;12125551000;\r\n".encode(),
        "phoneNumber\tname\n 12125551000 \t Zoë \n\n".encode(),
    ],
    ids=["plain", "byte order mark", "semicolons", "tabs and blanks"],
)
def test_csv_is_read_as_spreadsheets_write_it(dialer: DialerClient, content: bytes) -> None:
    assert data(dialer.upload(csv_file(content)), 201)["added"] == 1
    contact = Contact.objects.get()
    assert (contact.phone, contact.variables) == ("+12125551000", {"name": "Zoë"})


@pytest.mark.parametrize("options", [{}, {"constant_memory": True, "in_memory": False}, {"date_1904": True}])
def test_xlsx_is_read_as_excel_shows_it(dialer: DialerClient, options: Any) -> None:
    """Shared texts, texts in their cells, the calendar of old Macs; a phone that Excel took for a number."""
    dialer.number(variables=TYPES)
    table = [
        ["Phone", "name", "age", "vip", "since"],
        [12125551000, "Zoë", 40, True, datetime(2026, 3, 1)],
        ["+12125551001", "Ann", 1.5, None, None],
        [],
        ["12125551000", "again", None, None, None],
    ]
    told = data(dialer.upload(xlsx_file(table, **options)), 201)
    assert (told["added"], told["duplicates"]) == (2, 1)
    first, second = Contact.objects.order_by("phone")
    assert first.variables == {"name": "Zoë", "age": 40, "vip": True, "since": "2026-03-01"}
    assert second.variables == {"name": "Ann", "age": 1.5}


def test_numbers_may_come_as_fields_or_as_a_list(dialer: DialerClient) -> None:
    ids = [dialer.number().public_id, dialer.number("+12025550101").public_id]
    for given in (ids, json.dumps(ids), ",".join(ids)):
        answer = dialer.upload(csv_file("phone\n12125551000\n"), callingNumbers=given)
        assert Batch.objects.get(public_id=data(answer, 201)["batchId"]).numbers.count() == 2


# --- What is refused, and then nothing is stored ----------------------------------------------------------
def test_bad_rows_are_listed_all_together(dialer: DialerClient) -> None:
    dialer.number(variables=VARIABLES + TYPES)
    text = "phone,account_id,age\n12125551000,A,1\nx,A,\n12125551001,,old\n12125551002,A,1,more\n"
    message, told = refused(dialer.upload(csv_file(text)), 422)
    errors = [(one["row"], one["field"], one["error"]) for one in told["errors"]]
    assert errors == [
        (3, "phoneNumber", "phoneNumber must be the digits of an E.164 number, with or without +"),
        (4, "account_id", "missing required variable 'account_id'"),
        (4, "age", "variable 'age' must be a number"),
        (5, "", "has more cells than there are columns"),
    ]
    assert message == f"row 3: {errors[0][2]}"
    assert (Batch.objects.count(), Contact.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its first row has no column phoneNumber or phone"),
        (b"name\nx\n", "its first row has no column phoneNumber or phone"),
        (b"phone,Phone\n1,2\n", "its first row has several columns phoneNumber or phone"),
        (b"phone,,name\n12125551000,,x\n", "column 2 has no name"),
        (b"phone,x,x\n12125551000,,x\n", "two columns have the same name"),
        (b"phone\n", "it has no contacts"),
        ("phone,name\n12125551000,Zoë\n".encode("latin-1"), "it is neither CSV in UTF-8 nor XLSX"),
        ("phone\n12125551000\n".encode("utf-16"), "it is neither CSV in UTF-8 nor XLSX"),
        (b'phone\n"12125551000\n', "it is not CSV: unexpected end of data"),
        (b"phone" + b",x" * 200, "it has more than 200 columns"),
        (b"PK\x03\x04nothing", "it is no readable XLSX file"),
    ],
)
def test_an_unreadable_file_is_refused_in_words(dialer: DialerClient, content: bytes, reason: str) -> None:
    message, told = refused(dialer.upload(csv_file(content)), 422)
    assert told == {"errors": [{"field": "file", "error": reason}]}
    assert message == f"file: {reason}"
    assert not Batch.objects.exists()


def test_a_form_of_another_kind_is_refused(dialer: DialerClient) -> None:
    file = csv_file("phone\n12125551000\n")
    refused(dialer.upload(None), 400)
    refused(dialer.upload(file, batchName=None), 400)
    refused(dialer.upload(file, callingNumbers="nobody"), 400)
    refused(dialer.upload(file, retry="often"), 400)
    refused(dialer.upload(file, more=csv_file("x")), 400)
    refused(dialer.post("upload", {}), 415)
    CallingNumber.objects.update(agent=None)
    refused(dialer.upload(csv_file("phone\n12125551000\n")), 404)
    assert not Batch.objects.exists()


def test_what_the_database_refuses_leaves_nothing_behind(dialer: DialerClient) -> None:
    dialer_api.refuse_in_database("+12125551001")
    refused(dialer.upload(csv_file("phone\n12125551000\n12125551001\n")), 500)
    assert (Batch.objects.count(), Contact.objects.count()) == (0, 0)


# --- Hostile workbooks ------------------------------------------------------------------------------------
SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<sst><si><t>&b;</t></si></sst>"
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet/>'


def _sheet(rows_: bytes) -> Callable[[bytes], bytes]:
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return lambda _: head + rows_ + b"</sheetData></worksheet>"


@pytest.mark.parametrize(
    ("part", "content", "reason"),
    [
        (SHEET, lambda _: OUTSIDE, "it declares a document type"),
        (TEXTS, lambda _: ENTITIES, "it declares a document type"),
        (SHEET, lambda _: b"<worksheet>" + b" " * (21 * 1024 * 1024), "unpacked it is larger than 20 MB"),
        (SHEET, _sheet(b"<row/>" * 1100), "it has more than 1048576 rows"),
        (SHEET, _sheet(b"<row>" + b"<c/>" * 300 + b"</row>"), "it has more than 200 columns"),
        (SHEET, _sheet(b'<row><c r="XFD1"><v>1</v></c></row>'), "it has more than 200 columns"),
        (
            SHEET,
            _sheet(b'<row><c t="inlineStr"><is><t>' + b"x" * 33_000 + b"</t></is></c></row>"),
            "a cell holds more than 32767 characters",
        ),
        (
            SHEET,
            _sheet(b'<row><c t="s"><v>9</v></c></row>'),
            "a cell names a text that the file does not have",
        ),
        (SHEET, _sheet(b"<a>" * 100), "it is nested too deep"),
        (SHEET, _sheet(b"<!--" + b"x" * 9_000_000), "it is no readable XLSX file"),
        (SHEET, _sheet(b"".join(b"<a%d/>" % n for n in range(20_000))), "it is no readable XLSX file"),
        (SHEET, _sheet(b"<row><c>"), "it is no readable XLSX file"),
    ],
    ids=[
        "external entity",
        "entities",
        "too large unpacked",
        "rows",
        "cells",
        "far column",
        "long text",
        "missing text",
        "deep",
        "long token",
        "names",
        "broken",
    ],
)
def test_a_hostile_workbook_is_refused_before_it_grows(
    part: str, content: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.dialer.sheets.workbook.MOST_ROWS", 1000)
    monkeypatch.setattr("calls.dialer.sheets.workbook.MOST_UNPACKED", 20 * 1024 * 1024)
    file = changed(xlsx_file([["phone"], [12125551000]]), part, content)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableFile, match=reason):
            list(rows(file.file))
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024 * 1024
    finally:
        tracemalloc.stop()


# --- A hundred thousand rows ------------------------------------------------------------------------------
def test_one_row_more_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.dialer.table.MOST_CONTACTS", 3)
    text = "phone\n" + "".join(f"1212555100{number}\n" for number in range(4))
    with pytest.raises(UnreadableFile, match="it has more than 3 contacts"):
        Contacts(io.BytesIO(text.encode()), Rules(()))


def many_rows(form: str, count: int) -> SimpleUploadedFile:
    table = [["phone", "name", "account_id", "city", "note"]]
    table += [
        [f"1212{number:07}", f"Name {number}", f"A-{number}", "New York", "x" * 40] for number in range(count)
    ]
    return csv_file("\n".join(map(",".join, table))) if form == "csv" else xlsx_file(table)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_row_costs_little_memory(form: str) -> None:
    """Its phone; of a workbook its texts too, as often as they differ."""

    def peak(count: int) -> int:
        file = many_rows(form, count).file
        tracemalloc.start()
        try:
            contacts = Contacts(file, Rules(()))
            assert len(contacts) == count
            contacts.close()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert (peak(1500) - peak(500)) / 1000 < 500


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_hundred_thousand_rows_are_taken(dialer: DialerClient, form: str) -> None:
    file, started = many_rows(form, 100_000), time.monotonic()
    with CaptureQueriesContext(connection) as asked:
        assert data(dialer.upload(file), 201)["added"] == 100_000
    print(f"{form} of {file.size} bytes: {time.monotonic() - started:.1f} s, {len(asked)} statements")
    assert len(asked) < 100 + 30
    assert Contact.objects.count() == 100_000
