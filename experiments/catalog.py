"""The only list of papers and other methods. One more is one more folder and one line in each table here."""

import importlib
import importlib.util

from common.errors import InputError
from papers import baseline, chernykh2018, emmert, lim2016, ma2018, satt2017

PAPERS = {
    "emmert": emmert,
    "lim2016": lim2016,
    "satt2017": satt2017,
    "ma2018": ma2018,
    "chernykh2018": chernykh2018,
    "baseline": baseline,  # no paper: without a paper.toml
}

COMPARED = {  # one or two systems of a paper, so that a comparison fits minutes; the others are named with --systems
    "emmert": ("mfcc", "own_cnn", "resnet50"),
    "lim2016": ("cnn", "lstm"),
    "satt2017": ("cnn3_lstm_20hz",),
    "ma2018": ("variable_length", "fixed_length"),
    "chernykh2018": ("dummy", "framewise", "one_label", "ctc"),
    "baseline": ("mfcc_svm", "egemaps_svm"),
}


def paper(name):
    """The subpackage of a paper. Raises InputError for an unknown name."""
    if name not in PAPERS:
        raise InputError(f"unknown paper {name!r}; choose from {', '.join(PAPERS)}")
    return PAPERS[name]


def recipe(name, variant, preset):
    """The recipe of a paper's variant at a preset. Raises InputError for an unknown one."""
    variants = paper(name).RECIPES
    if variant not in variants:
        raise InputError(f"{name} has no variant {variant!r}; choose from {', '.join(variants)}")
    if preset not in variants[variant]:
        raise InputError(f"unknown preset {preset!r}; choose from {', '.join(variants[variant])}")
    return variants[variant][preset]


def figures_of(name):
    paper(name)
    if importlib.util.find_spec(f"papers.{name}.figures") is None:
        having = [n for n in PAPERS if importlib.util.find_spec(f"papers.{n}.figures")]
        raise InputError(f"{name} has no figures of its own; choose from {', '.join(having)}")
    return importlib.import_module(f"papers.{name}.figures")
