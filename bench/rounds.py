"""Contenders in turns (A B A B …): what a busy machine does to one, it does to the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import median

# A contender handles round `number` and returns how many it handled a second.
Contender = Callable[[int], float]
Rates = dict[str, list[float]]


@dataclass(frozen=True)
class Ratio:
    """Of the product to a peer, one value per round: of rates, to be at least the aim, or of times, at most.

    Without an aim it is shown for what it tells.
    """

    name: str
    values: Sequence[float]
    aim: float | None = None
    at_most: bool = False

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        met = self.median <= self.aim if self.at_most else self.median >= self.aim
        return "met" if met else "missed"


def measured(name: str, rounds: int | None) -> list[Ratio]:
    """What the module ``bench.<name>`` measures, in its own number of rounds where none is given."""
    module = import_module(f"bench.{name}")
    ratios: list[Ratio] = module.measure(rounds or module.ROUNDS)
    return ratios


def alternate(contenders: Mapping[str, Contender], rounds: int) -> Rates:
    """The rates of each contender, one per round."""
    rates: Rates = {name: [] for name in contenders}
    for number in range(rounds):
        for name, handle in contenders.items():
            rates[name].append(handle(number))
            print(f"  round {number + 1} of {rounds}  {name:<10} {rates[name][-1]:>9,.1f}/s", flush=True)
    return rates


def show(rates: Rates, unit: str) -> None:
    """Print each contender's rates."""
    print(f"\n{'':<12}{unit + '/s':>14}{'slowest':>12}{'fastest':>12}")
    for name, values in rates.items():
        print(f"{name:<12}{median(values):>14,.1f}{min(values):>12,.1f}{max(values):>12,.1f}")


def ratio(
    name: str, rates: Rates, peer: str, aim: float | None, *, ours: str = "product", times: bool = False
) -> Ratio:
    """Of our rate to the peer's, each time of the same round; `times`: of our time to the peer's, at most."""
    over, under = (peer, ours) if times else (ours, peer)
    values = [one / other for one, other in zip(rates[over], rates[under], strict=True)]
    return Ratio(name, values, aim, at_most=times)
