"""Fetch: 200 recordings through our worker, and through the shell somebody would write.

Both fetch the same files from the same local server, decode them to 16-bit WAV at 8 kHz and keep original
and result; ours also checks, measures and records them. Run under tests.support.services.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import listening
from bench.rounds import Contender, Ratio, alternate, ratio, show
from bench.tables import database_url, vacuum
from tests.faults.stack import Partner, Stack, item
from tests.support import audio
from tests.support.services import free_port

FILES = 200
ROUNDS = 3
CORES = 2
ROUND_SECONDS = 300

# What a user would type: two at a time, each file fetched whole and then decoded.
SHELL = f"""
xargs -P{CORES} -I NAME sh -c '
    curl -sf "$1/NAME" -o "$2/NAME" &&
    ffmpeg -nostdin -v error -i "$2/NAME" -ar 8000 -c:a pcm_s16le "$2/NAME.wav"
' sh "$1" "$2"
"""


def measure(rounds: int) -> list[Ratio]:
    for program in ("curl", "ffmpeg", "xargs"):
        if shutil.which(program) is None:
            raise RuntimeError(f"bench-fetch needs {program}; as root: apt-get install {program}")
    with ExitStack() as running:
        names, url = running.enter_context(_served())
        contenders = {
            "product": running.enter_context(_product(names, url)),
            "shell": running.enter_context(_shell(names, url)),
        }
        rates = alternate(contenders, rounds)
    show(rates, "files")
    return [ratio("fetch, files/s", rates, "shell", 1.0)]


@contextmanager
def _served() -> Iterator[tuple[list[str], str]]:
    """The files' names and the URL they lie under, on a server in its own process."""
    with TemporaryDirectory(prefix="bench-audio-") as folder:
        print(f"Making {FILES} recordings", flush=True)
        with ProcessPoolExecutor(CORES) as pool:
            names = list(pool.map(_make, [folder] * FILES, range(FILES)))
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind=127.0.0.1",
            f"--directory={folder}",
        ]
        with listening(command, port, quiet=True):
            yield names, f"http://127.0.0.1:{port}"


def _make(folder: str, number: int) -> str:
    """One recording of 20 to 60 seconds; kinds and lengths take turns."""
    seconds, channels = 20 + number * 7 % 41, 1 + number % 2
    kind = ("mp3", "wav")[number // 2 % 2]
    content = audio.mp3(seconds, 16000, channels) if kind == "mp3" else audio.wav(seconds, 16000, channels)
    name = f"{number}.{kind}"
    Path(folder, name).write_bytes(content)
    return name


@contextmanager
def _product(names: list[str], url: str) -> Iterator[Contender]:
    settings = {"ZIPINGEST_ALLOW_LOOPBACK": "True", "LOG_LEVEL": "INFO", "SWEEP_SECONDS": "30"}
    with Stack(**settings) as stack:
        (partner,) = stack.partners("bench")
        _fetch(stack, partner, "warm-up", [f"{url}/{name}" for name in names[:8]])
        yield lambda number: _fetch(stack, partner, f"round-{number}", [f"{url}/{name}" for name in names])


def _fetch(stack: Stack, partner: Partner, prefix: str, urls: list[str]) -> float:
    """Files a second, from handing the calls in to the last recording stored."""
    calls = [item(f"{prefix}-{number}", url) for number, url in enumerate(urls)]
    vacuum(database_url(stack))
    started = time.monotonic()
    partner.ingest(calls)
    stack.wait_until_fetched(seconds=ROUND_SECONDS)
    rate = len(urls) / (time.monotonic() - started)
    ((others,),) = stack.rows("SELECT count(*) FROM calls_recording WHERE state <> 'done' OR attempts <> 1")
    if others:
        raise RuntimeError(f"{others} recordings were not stored, or not at the first attempt")
    return rate


@contextmanager
def _shell(names: list[str], url: str) -> Iterator[Contender]:
    with TemporaryDirectory(prefix="bench-shell-") as folder:

        def contend(number: int) -> float:
            target = Path(folder, str(number))
            target.mkdir()
            started = time.monotonic()
            command = ["sh", "-c", SHELL, "sh", url, str(target)]
            subprocess.run(command, input="\n".join(names), text=True, check=True, timeout=ROUND_SECONDS)
            rate = len(names) / (time.monotonic() - started)
            assert len(list(target.glob("*.wav.wav")) + list(target.glob("*.mp3.wav"))) == len(names)
            return rate

        yield contend
