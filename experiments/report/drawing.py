"""What all figures share: colours that any colour vision tells apart (Okabe and Ito), one style, titles, PNG bytes."""

import io
import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg

from common import markup
from experiments.evaluation.system_results import ranges

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "text.parse_math": False,  # a name with dollar signs is no formula
}
CHARACTERS_AN_INCH = 12.5


def title(figure, lines):
    """Lines above a figure, broken at its width; empty ones are left out."""
    width = int(figure.get_figwidth() * CHARACTERS_AN_INCH)
    wrapped = [piece for line in filter(None, lines) for piece in textwrap.wrap(markup.visible(line), width)]
    figure.suptitle("\n".join(wrapped), fontsize=9)


def system_title(figure, system, counted):
    """Name, corpus variant, protocol, counts and caveats of a system, in lines as wide as the figure."""
    lines = [
        f"{system.name}, rule {system.rules[0]}" if len(system.rules) > 1 else system.name,
        f"{system.corpus_variant}, protocol {system.protocol}, preset {system.preset}",
        f"n = {system.num_test} test utterances a seed, folds {system.folds}, seeds {ranges(system.seeds)}: {counted}",
        "; ".join(filter(None, [system.limits, *system.caveats])),
    ]
    title(figure, lines)


def png(figure) -> bytes:
    """The same bytes from the same figure."""
    data = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(data, format="png", metadata={"Software": None})
    return data.getvalue()
