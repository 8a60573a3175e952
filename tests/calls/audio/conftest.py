"""One engine per test process: helpers stay up between tests, as they do between recordings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calls.audio.engine import AudioEngine
from calls.audio.facts import AudioFacts, AudioLimits, AudioOptions

LIMITS: dict[str, Any] = {
    "memory_bytes": 1024**3,
    "cpu_seconds": 60,
    "wall_seconds": 60,
    "max_audio_seconds": 12 * 3600,
}


@pytest.fixture(scope="session")
def engine() -> Iterator[AudioEngine]:
    engine = AudioEngine(AudioLimits(**LIMITS), helpers=2)
    yield engine
    engine.close()


@pytest.fixture
def make_engine() -> Iterator[Callable[..., AudioEngine]]:
    """An engine of the test's own: `make_engine(wall_seconds=1, helpers=1)`."""
    engines: list[AudioEngine] = []

    def make(helpers: int = 1, **limits: Any) -> AudioEngine:
        engines.append(AudioEngine(AudioLimits(**{**LIMITS, **limits}), helpers=helpers))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "normalised.wav"


@pytest.fixture
def normalise(engine: AudioEngine, tmp_path: Path, target: Path) -> Callable[..., AudioFacts]:
    """The facts of a file with these bytes; the normalised WAV is at `target`."""

    def run(data: bytes, *, by: AudioEngine = engine, **options: Any) -> AudioFacts:
        source = tmp_path / "recording.mp3"
        source.write_bytes(data)
        return by.normalise(source, target, options=AudioOptions(**options))

    return run
