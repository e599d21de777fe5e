"""The ``causewatch`` command: finds the sub-command, maps errors to exit codes.

Exit codes: 0 done; 1 a finding (corrupted run, bad rule); 2 usage; 3 input unreadable or daemon not
reachable; 4 our bug.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import NoReturn

import click

from causewatch import __version__
from causewatch.app.allocator import spare_the_collector
from causewatch.errors import CausewatchError

# Modules are imported only when their command runs: start-up stays far below 0.3 s.
COMMANDS = {
    "alerts": "list alerts and incidents; acknowledge, resolve or reopen an incident",
    "check": "check rule files, or queries, and say where they are wrong",
    "dialects": "list the span dialects, or explain how spans were understood",
    "demo": "run the real daemon on recorded agent runs and show the incident",
    "doctor": "tell what of recorded runs can be checked, and how to make the rest so",
    "explain": "tell which step corrupted a run, who passed it on, where it surfaced",
    "fmt": "lay out the signatures of rule files, or one query",
    "graph": "print the causal graph of each run",
    "healthcheck": "ask a running daemon whether it is healthy",
    "init": "write a rules repository to start from, with tests and CI",
    "learn": "infer rules from recorded good runs, for review",
    "notify": "send a test message to receivers",
    "purge": "forget traces, sessions, or all before a time",
    "query": "run a signature over spans in files",
    "routes": "show the routing tree, and who would be told of an alert",
    "schema": "print JSON Schemas and words for editors, and how to set them up",
    "serve": "receive spans, judge runs, tell people",
    "silence": "let nobody be told of some alerts for a while",
    "test": "run the examples of rules and their test files, in virtual time",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names, in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import ``causewatch.cli.NAME`` and return its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"causewatch.cli.{cmd_name}")
        found = module.command
        if not isinstance(found, click.Command):
            raise TypeError(f"{cmd_name} has no click command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one gets the nearest name as a hint."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415  # only for this error

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="causewatch")
def cli() -> None:
    """Know why a multi-agent AI system went wrong, while it runs."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    spare_the_collector()
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) went away: not an error, but the interpreter must not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except CausewatchError as error:
        click.echo(f"causewatch: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001  # the last boundary: a traceback and exit code 4 mean "our bug"
        traceback.print_exc()
        click.echo("causewatch: this is a bug in causewatch; please report the above", err=True)
        sys.exit(4)


if __name__ == "__main__":
    main()
