"""`python -m benchmarks NAME [options]`: run one benchmark, print what it found and keep it."""

import argparse
import asyncio
from importlib import import_module

from rich.console import Console

from benchmarks.results import keep, show

NAMES = (
    "turns", "latency", "lost", "race", "processes", "pending", "reminders", "broadcast", "memory",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    console = Console(width=None if Console().is_terminal else 200)
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="name", required=True)
    modules = {name: import_module(f"benchmarks.{name}") for name in NAMES}
    for name, module in modules.items():
        command = commands.add_parser(
            name, help=module.SUMMARY, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        module.add_arguments(command)
    options = parser.parse_args(arguments)
    outcome = asyncio.run(modules[options.name].run(options))
    show(outcome, console)
    console.print(f"Kept in {keep(outcome)}")


if __name__ == "__main__":
    main()
