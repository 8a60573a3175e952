"""Play a partner and a supervisor against the product: `python -m demo [--once]`, `make demo [ONCE=1]`."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import requests
from django.core.exceptions import ImproperlyConfigured

from demo.play import Demo
from demo.report import Report
from demo.stack import DATA_DIR, DemoFailed, Stack, shown
from tests.support.partner_server import PartnerServer
from tests.support.sftp import sftp_server
from zipingest import env

DEADLINE_SECONDS = 180


def main(*, once: bool) -> int:
    """The exit code: 0 when all was as it should be, 1 when anything differed, 130 when ended before that."""
    report, code = Report(), 130
    _take_as_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    try:
        with TemporaryDirectory() as folder, sftp_server(Path(folder)) as store, PartnerServer() as server:
            stack = Stack(env.integer("PORT", 8000, minimum=1), trusted=store.endpoint)
            with stack, _last_words(stack, report):
                demo = Demo(stack, server, store, report)
                with _deadline(DEADLINE_SECONDS):
                    with report.step(f"Start web, workers and beat on {stack.url}"):
                        stack.start()
                    demo.play()
                code = 1 if demo.differences else 0
                if not once:
                    demo.show_around()
                    stack.stay()
    except (DemoFailed, ImproperlyConfigured, requests.RequestException) as error:
        report.failure(str(error))
        return 1
    except KeyboardInterrupt:
        report.say(f"Stopped; what is in {shown(DATA_DIR)} stays until the next demo")
    return code


@contextmanager
def _last_words(stack: Stack, report: Report) -> Iterator[None]:
    """Show the end of the stack's log where the block fails, and say that stopping takes a moment."""
    try:
        yield
    except KeyboardInterrupt:
        report.say("Stopping; once more Ctrl-C does it at once")
        raise
    except Exception:
        report.say(f"The end of {shown(stack.log)}:\n{stack.last_words()}\n")
        raise


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    """DemoFailed, wherever the block then is, once it takes longer."""

    def too_late(*_: object) -> NoReturn:
        raise DemoFailed(f"not finished within {seconds} s; {shown(DATA_DIR)}/stack.log says more")

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _take_as_ctrl_c(*numbers: signal.Signals) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored means nohup: outlive the terminal
            signal.signal(number, interrupt)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the table, with 0 or non-zero")
    sys.exit(main(once=parser.parse_args().once))
