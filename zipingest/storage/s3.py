"""Objects in an S3 bucket, of Amazon or any compatible server.

django-storages holds the configured connection and does small writes; ranged reads and multipart uploads
are asked of its boto3 client, because its file object downloads the whole object on the first read.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as botocore
from botocore.config import Config
from botocore.handlers import add_expect_header
from django.core.files.uploadedfile import SimpleUploadedFile
from storages.backends import s3 as django_storages  # type: ignore[import-untyped]  # it ships no types

from zipingest.storage.base import (
    ByteStream,
    ObjectMissing,
    ObjectStat,
    Storage,
    StorageError,
    StoredObject,
    Writer,
    check_key,
    check_prefix,
    check_range,
)

# Memory of one writer, and the size of every part but the last; 10,000 parts make 78 GiB.
PART_BYTES = 8 * 1024 * 1024

_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (botocore.NoCredentialsError, botocore.PartialCredentialsError),
        "there are no complete credentials for the object store",
    ),
    ((botocore.ConnectTimeoutError, botocore.ReadTimeoutError), "the object store did not answer in time"),
    (
        (botocore.ResponseStreamingError, botocore.IncompleteReadError),
        "the connection to the object store broke off",
    ),
    ((botocore.SSLError,), "the object store's TLS certificate is not accepted"),
    ((botocore.ConnectionError, botocore.HTTPClientError), "the object store cannot be reached"),
)
_REFUSALS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}


@contextmanager
def _errors(key: str = "") -> Iterator[None]:
    try:
        yield
    except botocore.ClientError as error:
        raise _from_answer(error, key) from error
    except (botocore.BotoCoreError, Boto3Error) as error:
        default = f"the request to the object store failed ({type(error).__name__})"
        reason = next((words for kinds, words in _REASONS if isinstance(error, kinds)), default)
        raise StorageError(reason) from error
    except KeyError as error:
        # A connection that ends within an answer's headers leaves an answer without them.
        raise StorageError("the object store's answer is incomplete") from error


def _from_answer(error: botocore.ClientError, key: str) -> StorageError:
    """Only the code and the status: the message and the rest of the answer may name keys and signatures."""
    code = error.response["Error"]["Code"]
    if code in ("NoSuchKey", "404"):
        return ObjectMissing(f"there is no object {key}")
    if code == "NoSuchBucket":
        return StorageError("the bucket does not exist")
    if code in _REFUSALS:
        return StorageError(f"the object store refuses our credentials ({code})")
    return StorageError(f"the object store answered {_status(error)} {code}")


def _status(error: botocore.ClientError) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


class S3Storage(Storage):
    """``prefix`` is put before every key. Without keys, boto3's own chain finds the credentials.

    What it was made with stays readable, ``prefix`` with a slash at its end.
    """

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint_url: str | None = None,
        region: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self.region = region
        self.access_key = access_key
        self.secret_key = secret_key
        self.prefix = f"{check_key(prefix)}/" if prefix else ""
        self._backend = _Backend(
            bucket_name=bucket,
            location=self.prefix,
            endpoint_url=endpoint_url,
            region_name=region,
            access_key=access_key,
            secret_key=secret_key,
            client_config=_client_config(path_style=endpoint_url is not None),
            # A small write is one request in the thread that asks for it.
            transfer_config=TransferConfig(multipart_threshold=2 * PART_BYTES, use_threads=False),
            file_overwrite=True,
        )

    def open_writer(self, key: str, *, content_type: str) -> "S3Writer":
        return S3Writer(check_key(key), self.prefix, self._backend, content_type)

    def open_range(self, key: str, start: int = 0, stop: int | None = None) -> ByteStream:
        check_range(start, stop)
        if start == stop:
            return self._empty_range(key)
        with _errors(key):
            answer = self._get(key, start, stop)
            if answer is None:
                return ByteStream.empty()
            return ByteStream(answer["Body"], answer["ContentLength"], partial(_errors, key))

    def stat(self, key: str) -> ObjectStat | None:
        """Also None when the bucket is missing: the answer to HEAD does not tell the two apart."""
        name = self._name(key)
        try:
            with _errors(key):
                answer = self._client.head_object(Bucket=self.bucket, Key=name)
                return self._facts(name, answer, size=answer["ContentLength"])
        except ObjectMissing:
            return None

    def delete(self, key: str) -> None:
        name = self._name(key)
        with _errors(key):
            self._client.delete_object(Bucket=self.bucket, Key=name)

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        return self._walk(self.prefix + check_prefix(prefix))

    def local_path(self, key: str) -> None:
        check_key(key)

    def sweep_partial(self, older_than_seconds: float) -> int:
        """A multipart upload counts as left that long after it was begun: S3 tells no later time."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        with _errors():
            left = [upload for upload in self._uploads() if upload["Initiated"] < before]
            for upload in left:
                # Finished or aborted by its writer since it was listed.
                with suppress(self._client.exceptions.NoSuchUpload):
                    self._client.abort_multipart_upload(
                        Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
        return len(left)

    @property
    def _client(self) -> Any:
        return self._backend.bucket.meta.client

    def _name(self, key: str) -> str:
        return self.prefix + check_key(key)

    def _get(self, key: str, start: int, stop: int | None) -> Any:
        """The answer to a ranged GET; None where the range begins at or after the end (416)."""
        wanted: dict[str, str] = {}
        if (start, stop) != (0, None):
            wanted["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=self._name(key), **wanted)
        except botocore.ClientError as error:
            if _status(error) == 416:
                return None
            raise
        if wanted and "ContentRange" not in answer:
            answer["Body"].close()
            raise StorageError("the object store does not answer ranges")
        return answer

    def _empty_range(self, key: str) -> ByteStream:
        if self.stat(key) is None:
            raise ObjectMissing(f"there is no object {key}")
        return ByteStream.empty()

    def _walk(self, prefix: str) -> Iterator[ObjectStat]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        with _errors():
            for page in pages:
                for entry in page.get("Contents", ()):
                    # Consoles mark their folders with empty objects, which are nobody's recordings.
                    if not entry["Key"].endswith("/"):
                        yield self._facts(entry["Key"], entry, size=entry["Size"])

    def _uploads(self) -> Iterator[Any]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        # What rclone's server answers until the bucket has its first upload.
        with suppress(self._client.exceptions.NoSuchUpload):
            for page in pages:
                yield from page.get("Uploads", ())

    def _facts(self, name: str, answer: Any, *, size: int) -> ObjectStat:
        key = name.removeprefix(self.prefix)
        etag = answer["ETag"].strip('"')
        return ObjectStat(key=key, bytes=size, etag=etag, modified=answer["LastModified"])


class S3Writer(Writer):
    """Holds at most one part in memory; an object of less than one part is a single request at the end."""

    def __init__(self, key: str, prefix: str, backend: Any, content_type: str) -> None:
        super().__init__(key)
        self._backend = backend
        self._content_type = content_type
        self._target = {"Bucket": backend.bucket_name, "Key": prefix + key}
        self._buffer = bytearray()
        self._filled = 0
        self._upload: dict[str, str] | None = None
        self._parts: list[dict[str, Any]] = []

    def _send(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            taken = view[: PART_BYTES - self._filled]
            # Over what the last part left there: a new buffer for each would leave holes of that size.
            self._buffer[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            view = view[len(taken) :]
            if self._filled == PART_BYTES:
                self._send_part()

    def _finish(self) -> StoredObject:
        if self._upload is None:
            return self._save()
        if self._filled:
            del self._buffer[self._filled :]
            self._send_part()
        return self._complete(self._upload)

    def _discard(self) -> None:
        self._buffer.clear()
        if self._upload is not None:
            with _errors(self.key):
                self._client.abort_multipart_upload(**self._upload)

    @property
    def _client(self) -> Any:
        return self._backend.bucket.meta.client

    def _save(self) -> StoredObject:
        content = SimpleUploadedFile(self.key, bytes(self._buffer), self._content_type)
        with _errors(self.key):
            self._backend.save(self.key, content)
        return StoredObject(key=self.key, bytes=len(self._buffer))

    def _send_part(self) -> None:
        with _errors(self.key):
            upload = self._upload or self._begin()
            number = len(self._parts) + 1
            answer = self._client.upload_part(**upload, PartNumber=number, Body=self._buffer)
            self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._filled = 0

    def _begin(self) -> dict[str, str]:
        answer = self._client.create_multipart_upload(**self._target, ContentType=self._content_type)
        self._upload = {**self._target, "UploadId": answer["UploadId"]}
        return self._upload

    def _complete(self, upload: dict[str, str]) -> StoredObject:
        with _errors(self.key):
            answer = self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": self._parts})
            return StoredObject(key=self.key, bytes=self.bytes, etag=answer["ETag"].strip('"'))


class _Backend(django_storages.S3Storage):  # type: ignore[misc]  # it ships no types
    def _create_session(self) -> Any:
        # Without "Expect: 100-continue": botocore reads for ever where a connection ends within that answer.
        session = super()._create_session()
        session.events.unregister("before-call.s3", add_expect_header)
        return session


def _client_config(*, path_style: bool) -> Config:
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "auto"},
        # The checksums newer SDKs add on their own make compatible servers fail ranged reads.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    )
