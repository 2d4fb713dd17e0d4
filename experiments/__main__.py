"""`python -m experiments VERB`. Exit status: 0 success, 1 a check failed, 2 faulty input.

Each verb imports its modules when it runs, so that for example `tabulate` needs neither Keras nor audio.
"""

import os
import re

import click

from common.errors import InputError, printable
from experiments.cli import COMMANDS

VARIABLES = ("SER_DATA", "SER_CACHE", "SER_BACKUP_SECONDS", "KERAS_BACKEND")


class Program(click.Group):
    """Lists the verbs in the given order; reports an InputError on standard error, with exit status 2."""

    def list_commands(self, context):
        return list(self.commands)

    def format_commands(self, context, formatter):
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.get_short_help_str(limit=200)) for name, verb in self.commands.items()])

    def parse_args(self, context, args):
        """Refuse empty values, as an unset shell variable gives them, since verbs would treat them as absent."""
        for before, text in zip(["", *args], args, strict=False):
            if not text.strip() or re.fullmatch(r"--[a-z-]+=\s*", text):
                place = text.rstrip("= \t\n") or before or "the first word"
                raise click.UsageError(f"{place} has an empty value; expected a value, or leave it out")
        if empty := [name for name in VARIABLES if os.environ.get(name, "unset").strip() == ""]:
            raise click.UsageError(f"the environment variable {empty[0]} is empty; give it a value, or unset it")
        return super().parse_args(context, args)

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            lines = str(error).splitlines()
            raise click.exceptions.UsageError("\n".join(map(printable, lines))) from error
        except KeyboardInterrupt:
            click.echo("\nstopped; finished results are kept, the same command continues from here", err=True)
            raise click.exceptions.Exit(130) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Rerun five published methods of speech emotion recognition and compare them on the same folds.

    \b
    First look, five minutes:   python -m experiments compare
    Lists:                      python -m experiments papers; python -m experiments corpora
    A comparison:               python -m experiments compare --corpus ravdess --data DIR --preset paper
    """  # noqa: D301  (click reads \b)


for command in COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="python -m experiments")
