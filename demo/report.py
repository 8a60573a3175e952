"""What the demo shows: steps, a progress bar, tables, differences in red, and one line that sums up."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from demo.archive import Entry
from demo.calls import Failed
from demo.checks import Outcome
from demo.dialling import Dialled
from demo.live import LiveCall
from demo.network import NetworkCall
from demo.partner import has_ended
from demo.stack import shown

LOG_WIDTH = 132  # where there is no terminal, as in CI


class Report:
    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=False)
        if not self.console.is_terminal:
            self.console.width = LOG_WIDTH

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A line that turns while the block runs, and then says how long it took."""
        began = time.monotonic()
        mark = "[red]✗[/red]"
        try:
            with self.console.status(title):
                yield
            mark = "[green]✓[/green]"
        finally:
            self.console.print(f"{mark} {title} [dim]{time.monotonic() - began:.1f} s[/dim]")

    def progress(self, batches: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Draw a bar of the calls that have ended, callback included; returns the last batch status."""
        columns = TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn()
        batch: dict[str, Any] = {}
        with Progress(*columns, TextColumn("[dim]{task.fields[states]}"), console=self.console) as bar:
            task = bar.add_task("calls", total=None, states="")
            for batch in batches:
                ended = sum(has_ended(call) for call in batch["calls"])
                bar.update(task, total=batch["total"], completed=ended, states=_states(batch))
        return batch

    def export_progress(self, states: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Draw a bar of the export's progress; returns its last state."""
        columns = TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn()
        job: dict[str, Any] = {}
        with Progress(*columns, TextColumn("[dim]{task.fields[state]}"), console=self.console) as bar:
            task = bar.add_task("export", total=100, state="")
            for job in states:
                bar.update(task, completed=job.get("progress_pct", 0), state=job["status"])
        return job

    def tables(self, outcomes: Sequence[Outcome]) -> None:
        self.console.print()
        for table in (_outcome_table(outcomes), _place_table(outcomes)):
            self.console.print(table)
            self.console.print()

    def archive(self, entries: Sequence[Entry]) -> None:
        self.console.print(_archive_table(entries))
        self.console.print()

    def live(self, call: LiveCall) -> None:
        self.console.print(_live_table(call))
        self.console.print()

    def network(self, call: NetworkCall) -> None:
        self.console.print(_network_table(call))
        self.console.print()

    def dialled(self, dialled: Dialled) -> None:
        self.console.print(_dialled_table(dialled))
        self.console.print()

    def differences(self, differences: Sequence[str]) -> None:
        for difference in differences:
            self.console.print(f"[bold red]differs:[/bold red] [red]{escape(difference)}[/red]")

    def summary(self, outcomes: Sequence[Outcome], differences: Sequence[str]) -> None:
        """The line for those who read nothing else, and for scripts."""
        stored = sum(outcome.is_stored for outcome in outcomes)
        failed = sum(outcome.failed_as_it_should for outcome in outcomes)
        verified = sum(outcome.callback_is_verified for outcome in outcomes)
        line = f"demo: {len(outcomes)} calls, {stored} stored, {failed} failed as they should"
        line += f", {verified} callbacks verified"
        self.say(f"{line}, {len(differences)} differences" if differences else line)

    def say(self, text: str = "") -> None:
        # soft_wrap: what is to be copied must not be broken into lines.
        self.console.print(text, markup=False, soft_wrap=True)

    def failure(self, text: str) -> None:
        self.console.print(f"[bold red]demo failed:[/bold red] {escape(text)}", soft_wrap=True)


def _states(batch: dict[str, Any]) -> str:
    return ", ".join(f"{count} {state}" for state, count in batch["by_state"].items() if count)


def _table(title: str) -> Table:
    return Table(box=None, title=title, title_justify="left", title_style="bold", padding=(0, 2, 0, 0))


def _outcome_table(outcomes: Sequence[Outcome]) -> Table:
    table = _table("What became of the calls")
    for heading in ("Call", "Served", "Expected", "State", "Seconds", "Format", "Callback"):
        table.add_column(heading, justify="right" if heading == "Seconds" else "left")
    for outcome in outcomes:
        table.add_row(*_outcome_row(outcome))
    return table


def _outcome_row(outcome: Outcome) -> list[str]:
    status, facts = outcome.status, outcome.status["recording"]
    return [
        outcome.call.id,
        outcome.call.served,
        "failed" if isinstance(outcome.call.expected, Failed) else "completed",
        status["state"],
        f"{facts['duration_seconds']:.2f}" if facts else "",
        f"{facts['format']}/{facts['codec']} {_channels(facts['channels'])}" if facts else "",
        _callback(outcome),
    ]


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _callback(outcome: Outcome) -> str:
    if not outcome.callback_is_verified:
        return "NOT verified" if outcome.callbacks else "none"
    tries = len(outcome.callbacks)
    return "verified" if tries == 1 else f"verified (try {tries})"


def _archive_table(entries: Sequence[Entry]) -> Table:
    table = _table("What the exported ZIP holds, beside its manifest")
    table.add_column("File")
    table.add_column("Bytes", justify="right")
    table.add_column("SHA-256, as in the manifest")
    for entry in entries:
        table.add_row(entry.name, f"{entry.size:,}", f"{entry.sha256[:16]}…")
    return table


def _live_table(call: LiveCall) -> Table:
    table = _table("The live call, as its stored recording sounds")
    for heading in ("Call", "Carried by", "Recording", "Paused", "Silent"):
        table.add_column(heading)
    start, end = call.span
    table.add_row(
        call.shown["uuid"],
        call.shown["provider"],
        call.shown["recording"],
        f"{call.paused:.1f} s to {call.resumed:.1f} s",
        f"{start:.1f} s to {end:.1f} s",
    )
    return table


def _dialled_table(dialled: Dialled) -> Table:
    table = _table("Contacts dialled by the simulator")
    for heading in ("Contact", "Status", "Calls", "Seconds"):
        table.add_column(heading)
    for contact in dialled.contacts:
        logs = contact["phoneLogs"]
        seconds = sum(log["callDuration"] for log in logs)
        table.add_row(contact["phoneNumber"], contact["status"], str(len(logs)), f"{seconds:.1f}")
    return table


def _network_table(call: NetworkCall) -> Table:
    table = _table("A call of a network, fetched by SFTP")
    for heading in ("Recording", "Answers", "Signal", "Corrected to"):
        table.add_column(heading)
    (signal,) = call.corrected["signals"]
    table.add_row(
        call.status["state"],
        "the call {}, again {}, changed {}".format(*call.codes),
        signal["name"],
        f"revenue {signal['revenue']}",
    )
    return table


def _place_table(outcomes: Sequence[Outcome]) -> Table:
    table = _table("Where each recording lies, or why there is none")
    table.add_column("Call")
    table.add_column("File, or error", overflow="fold")
    for outcome in outcomes:
        table.add_row(outcome.call.id, _place(outcome))
    return table


def _place(outcome: Outcome) -> str:
    places = ", ".join(shown(path) for path in outcome.recordings)
    return escape(places) or f"[yellow]{escape(str(outcome.status['error']))}[/yellow]"
