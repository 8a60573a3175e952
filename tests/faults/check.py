"""What a check is: a function that tries to break one invariant and tells each time it broke."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How often the invariant was tried, and one sentence for each violation."""

    tries: int = 0
    violations: list[str] = field(default_factory=list)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Count one try; where it does not hold, `otherwise` says what happened instead."""
        self.tries += 1
        if not holds:
            self.violations.append(otherwise)

    def add(self, other: "Outcome") -> None:
        self.tries += other.tries
        self.violations += other.violations


@dataclass(frozen=True)
class Check:
    """`module` and `name` are what it is called by on the command line; `seconds` bounds its run."""

    name: str
    module: str
    invariant: str
    seconds: int
    run: Callable[[], Outcome]


CHECKS: list[Check] = []


def check(invariant: str, *, seconds: int = 180) -> Callable[[Callable[[], Outcome]], Callable[[], Outcome]]:
    """Registers a function that returns an `Outcome` as the check of `invariant`."""

    def register(run: Callable[[], Outcome]) -> Callable[[], Outcome]:
        module = run.__module__.rpartition(".")[2]
        CHECKS.append(Check(run.__name__, module, invariant, seconds, run))
        return run

    return register
