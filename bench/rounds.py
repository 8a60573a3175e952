"""Contenders in turns (A B A B …): what a busy machine does to one, it does to the other."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

# A contender handles round `number` and returns how many it handled a second.
Contender = Callable[[int], float]
Rates = dict[str, list[float]]


def alternate(contenders: Mapping[str, Contender], rounds: int) -> Rates:
    """The rates of each contender, one per round."""
    rates: Rates = {name: [] for name in contenders}
    for number in range(rounds):
        for name, handle in contenders.items():
            rates[name].append(handle(number))
            print(f"  round {number + 1} of {rounds}  {name:<10} {rates[name][-1]:>9,.1f}/s", flush=True)
    return rates


def report(rates: Rates, *, unit: str, ours: str, peer: str, aim: float) -> None:
    """Print each contender's rates, and the ratio of ours to the peer's, each time of the same round."""
    print(f"\n{'':<12}{unit + '/s':>14}{'slowest':>12}{'fastest':>12}")
    for name, values in rates.items():
        print(f"{name:<12}{median(values):>14,.1f}{min(values):>12,.1f}{max(values):>12,.1f}")
    ratios = [mine / theirs for mine, theirs in zip(rates[ours], rates[peer], strict=True)]
    print(f"\nratio {ours} / {peer}: {median(ratios):.2f}  ({_spread(ratios)}; aim {aim})")


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f} over {len(values)} rounds"
