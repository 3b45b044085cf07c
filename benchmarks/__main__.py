"""`python -m benchmarks NAME [options]`: run one benchmark, print what it found and keep it.

`python -m benchmarks report` writes the newest findings of each into docs/performance.md.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module

import uvloop
from rich.console import Console

from benchmarks.report import write_report
from benchmarks.results import Outcome, keep, show

NAMES = (
    "turns", "latency", "lost", "race", "processes", "pending", "reminders", "broadcast", "memory",
    "days", "rush", "webhook",
)  # fmt: skip
REPORT = "report"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of one benchmark, its name among them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="name", required=True)
    for name in NAMES:
        module = import_module(f"benchmarks.{name}")
        command = commands.add_parser(
            name, help=module.SUMMARY, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        module.add_arguments(command)
    commands.add_parser(REPORT, help="Write the newest findings into docs/performance.md.")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> Outcome:
    outcome: Outcome = await import_module(f"benchmarks.{options.name}").run(options)
    return outcome


def main(arguments: Sequence[str]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200)
    options = parse(arguments)
    if options.name == REPORT:
        console.print(f"Written: {', '.join(write_report(NAMES))}")
        return
    # What is measured in this process has the service's own loop.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(run(options))
    show(outcome, console)
    console.print(f"Kept in {keep(outcome, ' '.join(['python -m benchmarks', *arguments]))}")


if __name__ == "__main__":
    main(sys.argv[1:])
