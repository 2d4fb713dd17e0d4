"""Functions shared by all figures: style, colours, titles, and output as SVG or PNG."""

import contextlib
import io
import re
import textwrap
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG

from common import markup
from experiments import catalog
from experiments.evaluation.system_results import ranges

STYLE = Path(__file__).with_name("report.mplstyle")
GREY, INK = "#6E7781", "#1B1F24"
DARK = {  # colour of the style -> its replacement on a dark page
    INK: "#E6EDF3",
    GREY: "#9198A1",
    "#0072B2": "#58A6FF",
    "#D55E00": "#E88A4A",
    "#009E73": "#3FC79A",
    "#CC79A7": "#E3A0C6",
    "#E69F00": "#F0B73F",
}
CHARACTERS_AN_INCH = 12.5


@contextlib.contextmanager
def style():
    """A context with the style of all figures, independent of the user's own, so that output is reproducible."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.style.use(STYLE)
        yield


def of_paper(name) -> str:
    """The colour of a paper in all figures, by its position in the catalog; unknown papers get the last colour."""
    colours = re.findall(r"'(\w{6})'", STYLE.read_text(encoding="utf-8"))
    place = catalog.NAMES.index(name) if name in catalog.NAMES else -1
    return f"#{colours[place % len(colours)]}"


def title(figure, lines):
    """Set a figure's title, wrapped at its width; empty lines are left out."""
    width = int(figure.get_figwidth() * CHARACTERS_AN_INCH)
    wrapped = [piece for line in filter(None, lines) for piece in textwrap.wrap(markup.visible(line), width)]
    figure.suptitle("\n".join(wrapped), fontsize=9)


def system_title(figure, system, counted):
    """Set a title with name, corpus variant, protocol, counts and caveats of a system."""
    lines = [
        f"{system.name}, rule {system.rules[0]}" if len(system.rules) > 1 else system.name,
        f"{system.corpus_variant}, protocol {system.protocol}, preset {system.preset}",
        f"n = {system.num_test} test utterances per seed, folds {system.folds}, "
        f"seeds {ranges(system.seeds)}: {counted}",
        "; ".join(filter(None, [system.limits, *system.caveats])),
    ]
    title(figure, lines)


def png(figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    data = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(data, format="png", metadata={"Software": None})
    return data.getvalue()


def svg(figure) -> bytes:
    """The figure as SVG without a background, whose colours follow the light or dark scheme of the page.

    The same figure gives the same bytes.
    """
    data = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_figure(data, format="svg", metadata=nothing, facecolor="none", edgecolor="none")
    text = data.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="patch_1">.*?</g>', "", text, count=1, flags=re.DOTALL)  # the background
    text = re.sub(r"#000000|#000(?=[;\"])|\bblack\b", INK, text)
    text = re.sub(r'(<text[^>]*style=")(?!fill)', rf"\1fill: {INK}; ", text)
    return _small(_in_both_schemes(text)).encode()


def _in_both_schemes(text) -> str:
    """Replace colours by variables with a light and a dark value."""
    used = [colour for colour in DARK if colour.lower() in text.lower()]
    for number, colour in enumerate(used):
        text = re.sub(colour, f"var(--c{number})", text, flags=re.IGNORECASE)
    light = "".join(f"--c{number}:{colour};" for number, colour in enumerate(used))
    dark = "".join(f"--c{number}:{DARK[colour]};" for number, colour in enumerate(used))
    rules = f"<style>svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + rules, text, count=1)


def _small(text) -> str:
    """The same drawing in a third of the bytes: one decimal, styles as classes, no unused ids."""
    used = set(re.findall(r"#([\w.]+)", text))
    text = re.sub(r' id="([\w.]+)"', lambda match: match[0] if match[1] in used else "", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d)\.0(?=\D)", r"\1", re.sub(r"(\d\.\d)\d+", r"\1", tag[0])), text)
    counted = Counter(re.findall(r' style="([^"]*)"', text))
    classes = {style: f"s{number}" for number, style in enumerate(counted) if counted[style] > 1}
    text = re.sub(
        r' style="([^"]*)"', lambda match: f' class="{classes[match[1]]}"' if match[1] in classes else match[0], text
    )
    rules = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    text = text.replace("</style>", f"{rules}</style>", 1)
    text = re.sub(r"\s*\n\s*", " ", text)
    text = re.sub(r"> <", "><", text)
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    while (fewer := re.sub(r"<g/>|<g></g>|<g>(<(text|use|path)[^>]*(?:/>|>[^<]*</\2>))</g>", r"\1", text)) != text:
        text = fewer
    return re.sub(r' d="(M[-\d. ML]*)"', lambda path: f' d="{_relative(path[1])}"', text)


def _relative(path) -> str:
    """Straight lines by the steps between their corners, which have fewer digits than the corners."""
    lines = []
    for corners in path.split("M")[1:]:
        x, y = np.rint(10 * np.array(corners.replace("L", " ").split(), dtype=float)).astype(int).reshape(-1, 2).T
        steps = np.stack([np.diff(x, prepend=0), np.diff(y, prepend=0)], axis=1).ravel() / 10
        numbers = [re.sub(r"^(-?)0\.", r"\1.", f"{step:g}") for step in steps]
        first = f"M{numbers[0]} {numbers[1]}"
        lines.append(re.sub(r" (?=-)", "", f"{first}l{' '.join(numbers[2:])}" if numbers[2:] else first))
    return "".join(lines)
