"""`python -m experiments VERB`: exit status 0 done, 1 a check did not hold, 2 the input is at fault.

Every verb imports what it needs when it runs: tables are rebuilt where there is neither Keras nor audio.
"""

import click

from common.errors import InputError
from experiments.cli import COMMANDS


class Program(click.Group):
    """Turns an InputError into one sentence on standard error and exit status 2."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            raise click.exceptions.UsageError(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nstopped; finished folds are kept, the same command goes on from here", err=True)
            raise click.exceptions.Exit(130) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main():
    """Rerun five published methods of speech emotion recognition and compare them on the same folds."""


for command in COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="python -m experiments")
