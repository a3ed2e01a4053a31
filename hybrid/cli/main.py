"""Where the command starts: it finds the subcommand, and turns errors into one line and an exit code.

0 done, 1 failed, 2 wrong usage, 3 finished with rejects, 130 interrupted.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import click

from ..errors import HybridError
from .output import INTERRUPTED

PROGRAM = "hybrid"

#: Subcommand and what it does, on a line of 80 columns; the module of the same name is imported when it is asked for.
COMMANDS = {
    "adopt": "Make a hybrid index of an index that is there already.",
    "ask": "Answer a question from the passages that are found.",
    "batch": "Ask many questions and write what was found for each.",
    "compare": "Sum up what the gateway logged in mode shadow.",
    "convert-encoder": "Turn DPR's own checkpoints into encoders, and back.",
    "copy": "Copy an index with its vectors, or with others.",
    "delete": "Delete documents, or a whole index.",
    "demo": "Index a small sample in a folder, and ask it.",
    "doctor": "Check that cluster and index are fit for exact search.",
    "eval": "Measure how often the answer is among the first k.",
    "explain-query": "Print the request that a search would send.",
    "ingest": "Read sources, and write their passages and vectors.",
    "install-template": "Store the search as a template on the cluster.",
    "mine": "Make examples to train an encoder on.",
    "reencode": "Change an index over to another encoder.",
    "rejects": "List the rows that ingestion left out, with reasons.",
    "repair": "Send passages without a vector to the workers again.",
    "search": "Rank passages for a question, with both true scores.",
    "serve": "Show a search page, or make your own page hybrid.",
    "settle": "Merge deleted passages away, for BM25's statistics.",
    "status": "Count passages and vectors, and tell of jobs.",
    "train": "Train models on your own questions.",
    "tune": "Find the weight λ that ranks an index best.",
}


class Commands(click.Group):
    """Subcommands that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the subcommands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name.replace('-', '_')}", __package__)
        command: click.Command = module.command
        _mend_help(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand, or say which one may have been meant."""
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and close:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {close[0]}?", ctx)
        return super().resolve_command(ctx, args)


def _mend_help(command: click.Command) -> None:
    """Keep lines apart that are not to be folded: click marks them with a backspace, and our docstrings are raw."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _mend_help(inner)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("hybrid-passage-search"), prog_name=PROGRAM)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def program(debug: bool) -> None:
    """Exact BM25 + dense retrieval, in a folder or on OpenSearch.

    INDEX is a folder, http(s)://host:9200/NAME, or os:NAME for the cluster that HYBRID_OPENSEARCH_URL names.
    Who only asks may also say gateway+http(s)://host:8080/NAME.
    Credentials come from HYBRID_OPENSEARCH_USERNAME and HYBRID_OPENSEARCH_PASSWORD (or ..._PASSWORD_FILE).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: list[str]) -> int:
    """Run the command and give its exit code."""
    try:
        result = program.main(arguments, prog_name=PROGRAM, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except HybridError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"{PROGRAM}: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{PROGRAM}: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; the rest must not fail on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # A path that the machine cannot take, wherever it was met; an error that names none is a bug of ours.
        if error.filename is None or "--debug" in arguments:
            raise
        click.echo(f"{PROGRAM}: {error.filename}: {error.strerror}.", err=True)
        return 1
