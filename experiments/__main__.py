"""`python -m experiments VERB`: exit status 0 done, 1 a check did not hold, 2 the input is at fault.

Every verb imports what it needs when it runs: tables are rebuilt where there is neither Keras nor audio.
"""

import os
import re

import click

from common.errors import InputError, printable
from experiments.cli import COMMANDS

VARIABLES = ("SER_DATA", "SER_CACHE", "SER_BACKUP_SECONDS", "KERAS_BACKEND")


class Program(click.Group):
    """Lists the verbs in their order; turns an InputError into one sentence on standard error and exit status 2."""

    def list_commands(self, context):
        return list(self.commands)

    def format_commands(self, context, formatter):
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.get_short_help_str(limit=200)) for name, verb in self.commands.items()])

    def parse_args(self, context, args):
        """Refuse empty texts of any verb, as an unset variable of a shell leaves them: to Python they look absent."""
        for before, text in zip(["", *args], args, strict=False):
            if not text.strip() or re.fullmatch(r"--[a-z-]+=\s*", text):
                place = text.rstrip("= \t\n") or before or "the first word"
                raise click.UsageError(f"an empty text at {place}; expected a value, or leave it out")
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
            click.echo("\nstopped; what is finished is kept, the same command goes on from here", err=True)
            raise click.exceptions.Exit(130) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Rerun five published methods of speech emotion recognition and compare them on the same folds.

    \b
    First look, five minutes:   python -m experiments compare
    What is there:              python -m experiments papers; python -m experiments corpora
    A comparison:               python -m experiments compare --corpus ravdess --data DIR --preset paper
    """  # noqa: D301  (click reads \b)


for command in COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="python -m experiments")
