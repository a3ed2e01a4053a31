"""`python -m tests.services start|stop|status|build|relock`: real services for a developer's shell.

Standard output holds only what a script can use; everything for a person goes to standard error.
"""

import argparse
import sys
from pathlib import Path

from . import standing
from .errors import ServiceError
from .native import built_home, relock
from .places import standing_heap, standing_ports, state_folder


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one line that says what failed."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "build":
            print(built_home())
        elif asked.command == "relock":
            print(relock())
        elif asked.command == "status":
            _status()
        elif asked.command == "stop":
            _stop(purge=asked.purge)
        else:
            _start()
    except (ServiceError, OSError, ValueError) as failure:
        print(f"services: {failure}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.services")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start OpenSearch and Redis, print their addresses as shell lines")
    stop = commands.add_parser("stop", help="stop what start started; their data stays")
    stop.add_argument("--purge", action="store_true", help="remove their data and logs as well")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("build", help="build the OpenSearch home now and print its path")
    commands.add_parser("relock", help="write native/node.lock anew from the recipe")
    return parser


def _start() -> None:
    state = state_folder()
    with standing.one_at_a_time(state):
        for service in _services(state):
            _say(service.name, standing.start(service))
            print(f"export {service.variable}={service.url}", flush=True)


def _stop(*, purge: bool) -> None:
    state = state_folder()
    with standing.one_at_a_time(state):
        for service in _services(state):
            _say(service.name, standing.stop(service))
            if purge:
                standing.purge(service)


def _status() -> None:
    for service in _services(state_folder()):
        print(f"{service.name}: {standing.status(service)}")


def _services(state: Path) -> tuple[standing.Standing, ...]:
    return standing.services(state, standing_ports(), heap=standing_heap())


def _say(name: str, line: str) -> None:
    print(f"{name}: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
