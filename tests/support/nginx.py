"""A real nginx on loopback, in front of the product or alone with files."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.services import free_port
from zipingest.supervisor import die_with_parent

START_SECONDS = 10

_SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"


@contextmanager
def nginx(folder: Path, *, files: Path, upstreams: Sequence[int] = (1,), workers: int = 1) -> Iterator[int]:
    """The port of an nginx that keeps its own things in ``folder`` and runs until the block ends.

    ``upstreams``: the ports of the product's web processes.
    """
    port, configuration, parent = free_port(), folder / "nginx.conf", os.getpid()
    configuration.write_text(
        _configuration(folder, files=files, upstreams=upstreams, port=port, workers=workers)
    )
    process = subprocess.Popen(
        ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(parent),
    )
    try:
        _wait_until_listening(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _configuration(folder: Path, *, files: Path, upstreams: Sequence[int], port: int, workers: int) -> str:
    """What we ship, with this machine's places; /files/ has for anybody what /protected/ has for some."""
    servers = " ".join(f"server 127.0.0.1:{each};" for each in upstreams)
    text = _SHIPPED.read_text()
    for shipped, here in {
        " /tmp/": f" {folder}/",
        "worker_processes auto;": f"worker_processes {workers};",
        "error_log stderr crit;": f"error_log {folder}/error.log warn;",
        "access_log /dev/stdout plain;": "access_log off;",
        "keepalive_requests 10000;": "keepalive_requests 1000000;",
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "    server {": f"    upstream product {{ {servers} keepalive 16; }}\n    server {{",
        "set $product web:8000;": "set $product product;",
        "location / {": f"location /files/ {{ alias {files}/; }}\n        location / {{",
        "alias /blobs/;": f"alias {files}/;",
    }.items():
        assert shipped in text, f"deploy/nginx.conf says {shipped} no more"
        text = text.replace(shipped, here)
    # Workers of an nginx that root starts are nobody's, who may not look into a temporary folder.
    return f"user root;\n{text}" if os.geteuid() == 0 else text


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not start (exit code {process.poll()})")
