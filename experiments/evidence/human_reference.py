"""Human reference results: results/human/*.json, from the label page or from a corpus's own listening test."""

from pathlib import Path
from typing import TypedDict

from common.atomic_file import write_json
from common.bounded_read import read_json
from common.errors import InputError
from common.records import Count, Share
from common.utterance import slug
from experiments.evidence import annotations, recognition_rates

SOURCE = (
    "the corpus's own listening test: whole recordings, all its emotions to choose from; an upper bound, since "
    "recordings that were not recognised are not in the corpus"
)


class Row(TypedDict):
    """The fields of a human reference that tables use."""

    source: str
    corpus_variant: str
    wa: Share
    ua: Share | None  # None if a class has no answers
    n: Count


def write_listeners(corpus, results) -> Path | None:
    """Write the listeners' reference of a corpus variant; None if an utterance has no recognition rate."""
    if any(u.recognition is None for u in corpus.utterances):
        return None
    recalls = recognition_rates.expected_recall(corpus.utterances)
    row = {
        "schema": 1,
        "source": SOURCE,
        "corpus": corpus.name,
        "corpus_variant": corpus.variant,
        "synthetic": corpus.synthetic,
        "limits": corpus.limits,
        "classes": list(corpus.classes),
        "wa": recognition_rates.expected_accuracy(corpus.utterances),
        "ua": sum(recalls.values()) / len(recalls),
        "n": len(corpus.utterances),
        "recall": recalls,
    }
    path = Path(results, "human", f"{slug(corpus.variant)}-listeners.json")
    return write_json(path, row)


def read(results) -> list[dict]:
    """All human references of a results folder, in the order of their files.

    Raises:
        InputError: a file is not a human reference.
    """
    references = []
    for path in sorted(Path(results, "human").glob("*.json")):
        if path.name.endswith(annotations.SUFFIX):
            continue
        try:
            references.append(read_json(path, Row))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is not a human reference ({error}); delete it and create it again") from error
    return references
