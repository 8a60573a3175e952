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

# The block /protected/ is what docs/architecture.md tells to write; /files/ has the same files for anybody.
_CONFIGURATION = """
daemon off;
{user}
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type audio/wav;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    upstream product {{
        {upstreams}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://product;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
        location /protected/ {{
            internal;
            alias {files}/;
            etag off;
            if_modified_since off;
            max_ranges 1;
            add_header ETag $upstream_http_etag;
            add_header Last-Modified $upstream_http_last_modified;
            add_header X-Content-Type-Options $upstream_http_x_content_type_options;
            add_header X-Request-Id $upstream_http_x_request_id;
            add_header X-RateLimit-Limit $upstream_http_x_ratelimit_limit;
            add_header X-RateLimit-Remaining $upstream_http_x_ratelimit_remaining;
            add_header X-RateLimit-Reset $upstream_http_x_ratelimit_reset;
        }}
        location /files/ {{
            alias {files}/;
        }}
    }}
}}
"""


@contextmanager
def nginx(folder: Path, *, files: Path, upstreams: Sequence[int] = (1,), workers: int = 1) -> Iterator[int]:
    """The port of an nginx that keeps its own things in ``folder`` and runs until the block ends.

    ``upstreams``: the ports of the product's web processes.
    """
    port, configuration, parent = free_port(), folder / "nginx.conf", os.getpid()
    # Workers of an nginx that root starts are nobody's, who may not look into a temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            files=files,
            upstreams=" ".join(f"server 127.0.0.1:{each};" for each in upstreams),
            port=port,
            workers=workers,
            user=user,
        )
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


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not start (exit code {process.poll()})")
