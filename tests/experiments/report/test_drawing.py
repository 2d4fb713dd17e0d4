"""SVG figures: what is left out to make them small changes nothing that is drawn."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.report import drawing

NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


def corners_of(path):
    """Corners (N, 2) of a path of one line in relative steps, as SVG 1.1 section 8.3 defines `M` and `l`."""
    return np.cumsum(np.array(NUMBER.findall(path), dtype=float).reshape(-1, 2), axis=0)


def test_a_line_goes_through_its_points():
    with drawing.style(), matplotlib.rc_context({"path.simplify": False}):
        figure = Figure(figsize=(6, 3))
        axes = figure.subplots()
        values = np.random.default_rng(0).normal(size=200)
        (line,) = axes.plot(np.arange(200), values, color="#0072B2")
        axes.set_title("a < b & c")
        image = ElementTree.fromstring(drawing.svg(figure))
        drawn = axes.transData.transform(line.get_xydata()) * 72 / figure.dpi
    drawn[:, 1] = figure.get_figheight() * 72 - drawn[:, 1]
    longest = max((node.get("d") for node in image.iter("{http://www.w3.org/2000/svg}path")), key=len)
    np.testing.assert_allclose(corners_of(longest), drawn, atol=0.11)  # one decimal
    assert "a < b & c" in {node.text for node in image.iter("{http://www.w3.org/2000/svg}text")}
