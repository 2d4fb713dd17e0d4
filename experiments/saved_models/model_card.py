"""The model card of one saved fold: what it is, what it learnt from, what it scored, and what it is not for."""

import dataclasses
import json
import re
from pathlib import Path

from common.corpora import places
from common.evaluation import metrics, reported_results
from common.utterance import SYNTHETIC
from experiments.saved_models import standalone

HEARD = "test, also in train"  # the speakers of a test part that are not new to the system
ABOUT_THE_PAPER = ("corpus", "num_parameters", "note")  # fields of a recipe that are no settings of a training
HUB_LICENCES = {"CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0"}  # corpus card -> the Hugging Face hub's identifier
HUB_LIBRARIES = {"keras": "keras", "scikit-learn": "sklearn"}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the recordings of a training come from.

    Args:
        title: what they are.
        citation: "" where there is nothing to cite.
        licence: in words.
        hub_licence: the hub's identifier; "other" where it has none.
        url: the makers' page, "" where there is none.
        dataset, language: the corpus's name and the code of its language; "" where it is synthetic or a user's own.
    """

    title: str
    citation: str
    licence: str
    hub_licence: str
    url: str
    dataset: str = ""
    language: str = ""


def source(record) -> Source:
    """The source of a record's training, synthetic ones and a user's own named as such."""
    return _source(record.training_corpus, record.synthetic)


def _source(corpus, synthetic) -> Source:
    name = corpus.removesuffix(SYNTHETIC)
    card = next((m.INFO for key, m in places.CORPORA.items() if name == key or name.startswith(f"{key}-")), None)
    if synthetic:
        layout = f" in the layout of {card.title}" if card else ""
        licence = "MIT, as this suite: made by code, no recording is in it"
        return Source(f"synthetic speech{layout}", "", licence, "mit", "")
    if card is None:
        return Source(f"recordings of a user's own ({name})", "", "theirs; not known here", "other", "")
    hub_licence = HUB_LICENCES.get(card.licence, "other")
    return Source(card.title, card.citation, card.licence, hub_licence, card.url, card.name, card.language)


def library(record) -> str:
    """The library whose files a system's networks are."""
    return "keras" if record.cost["parameters"] else "scikit-learn"


def citation(paper) -> str:
    """Authors, year, title and venue of a paper, in one line; the title of a method that is no paper."""
    stated = reported_results.paper(paper)
    if not stated.authors:
        return f"{stated.title} (no paper)."
    year = f" ({stated.year})" if stated.year else ""
    where = ", ".join(filter(None, (stated.venue, stated.url or (stated.doi and f"https://doi.org/{stated.doi}"))))
    return f"{', '.join(stated.authors)}{year}: {stated.title}.{f' {where}.' if where else ''}"


def text(record, speakers, networks, keras_only="") -> str:
    """The card as Markdown under YAML, the same bytes from the same record.

    Args:
        record: the fold's RunRecord, parts included.
        speakers: part -> how many.
        networks: name -> what is saved, a keras.Model or an estimator.
        keras_only: why there are no LiteRT files beside the networks; "" where there are.
    """
    import jinja2

    from common import markup
    from experiments.evaluation import system_results

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": markup.markdown, "code": markup.markdown_code}
    (system,) = system_results.group([record])
    scored = scores(record)
    return environment.get_template("model_card.md.j2").render(
        record=record,
        system=system,
        source=source(record),
        citation=citation(record.paper),
        is_paper=bool(reported_results.paper(record.paper).authors),
        speakers=speakers,
        heard=HEARD,
        scored=scored,
        keras_only=keras_only,
        examples={name: standalone.example(n) for name, n in networks.items() if hasattr(n, "inputs")},
        estimators=[name for name, n in networks.items() if not hasattr(n, "inputs")],
        defined=any(standalone.definitions(n) for n in networks.values() if hasattr(n, "inputs")),
        has_blank=any(standalone.has_blank(n, len(record.classes)) for n in networks.values() if hasattr(n, "inputs")),
        front_matter=front_matter(record, scored),
        recipe=list(flat({name: value for name, value in record.recipe.items() if name not in ABOUT_THE_PAPER})),
        command=f"{system_results.command(record, seeds=str(record.seed))} --folds {record.fold.removeprefix('fold_')}",
    )


@dataclasses.dataclass(frozen=True)
class Scores:
    """Of one fold's test part, under the rule that decides: fractions; `ua` is None where a class is not tested."""

    rule: str
    n: int
    wa: float
    ua: float | None
    why_no_ua: str
    majority: float
    matrix: list[list[int]]


def scores(record) -> Scores:
    """The numbers of the record's test part."""
    decisions = metrics.decide(record.scores("test"))
    matrix = metrics.confusion_matrix(record.labels("test"), decisions, num_classes=len(record.classes))
    try:
        ua, why = metrics.ua(matrix, record.classes), ""
    except ValueError as error:
        ua, why = None, str(error)
    rule = next(iter(record.parts["test"]["scores"]))
    majority = metrics.majority(matrix.sum(axis=1))
    return Scores(rule, int(matrix.sum()), metrics.wa(matrix), ua, why, majority, matrix.tolist())


def front_matter(record, scored) -> dict:
    """What the hub reads: YAML keys and their values, metrics as fractions."""
    origin, tested = source(record), _source(record.corpus, record.synthetic)
    measured = [{"type": "accuracy", "name": "WA (weighted accuracy)", "value": round(scored.wa, 4)}]
    if scored.ua is not None:
        ua = {"type": "recall", "name": "UA (unweighted accuracy, UAR)", "value": round(scored.ua, 4)}
        measured.append(ua | {"args": {"average": "macro"}})
    result = {
        "task": {"type": "audio-classification", "name": "Speech emotion recognition"},
        "dataset": {
            "type": re.sub(r"[^\w.-]+", "-", record.corpus),
            "name": f"{tested.title}: {record.corpus_variant}, {record.protocol}",
            "split": f"test part of {record.fold}",
        },
        "metrics": measured,
    }
    licence = {"license": origin.hub_licence}
    if origin.hub_licence == "other":
        licence |= {"license_name": "of-the-training-data"} | ({"license_link": origin.url} if origin.url else {})
    spoken = {"language": [origin.language], "datasets": [origin.dataset]} if origin.dataset else {}
    return licence | {
        **spoken,
        "library_name": HUB_LIBRARIES[library(record)],
        "pipeline_tag": "audio-classification",
        "tags": [
            "audio",
            "speech-emotion-recognition",
            record.paper,
            *(["synthetic-data"] if record.synthetic else []),
        ],
        "metrics": ["accuracy", "recall"],
        "model-index": [{"name": f"{record.paper}/{record.variant}", "results": [result]}],
    }


def flat(settings, before=""):
    """(dotted name, value as text) of every setting, nested ones too."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else json.dumps(value)
