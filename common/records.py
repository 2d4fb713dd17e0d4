"""Run records as JSON: one file per (paper, variant, corpus variant, protocol, preset, seed, fold).

A record holds the label and the scores of every utterance; metrics are computed from it and never stored. Reading
needs neither TensorFlow nor audio. It checks the type of every field and the consistency between fields.
"""

import contextlib
import dataclasses
import functools
import gc
import json
import operator
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import numpy as np

from common.atomic_file import atomic
from common.bounded_read import read_bytes
from common.errors import InputError, listed, printable
from common.utterance import file_name, slug

SCHEMA = 1
PARTS = ("train", "valid", "test")
KEY = ("paper", "variant", "corpus_variant", "protocol", "preset", "seed", "fold")  # all are parts of the path
DEEPEST = 20  # levels of a recipe
CROSS_CORPUS = "cross_corpus"  # trained on one corpus, tested on all of another

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Score = Annotated[float, msgspec.Meta(ge=-3.5e38, le=3.5e38)]  # a float32
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Part(TypedDict):
    """A part of a fold: parallel lists of N utterances. "train" has only the confusion matrix and the cross-entropy."""

    utterances: NotRequired[list[str]]  # ids
    speakers: NotRequired[list[str]]
    labels: NotRequired[list[Count]]  # class indices
    scores: NotRequired[dict[str, list[list[Score]]]]  # rule -> (N, K)
    confusion: list[list[Count]]  # (K, K + 1): rows are labels, the last column counts "no decision"
    cross_entropy: float | None


class Network(TypedDict):
    """How a network's training ended: the fields of `training.NetworkTraining`."""

    epochs: Count
    kept: Count
    stopped_by: Literal["patience", "limit"]
    patience: Count | None
    loss: float
    ua: Share
    largest_share: Share
    num_classes: Count


class Cost(TypedDict):
    """Cost of training one fold."""

    seconds_fit: Seconds
    peak_memory_mib: Seconds | None
    parameters: Count


class _NoisyFrontEnd(TypedDict):
    noise: str
    snr_db: float


class _Recipe(TypedDict, total=False):
    """The settings of any paper's recipe that tables read."""

    corpus: str
    front_end: dict[str, Any]
    test_front_ends: list[tuple[str, _NoisyFrontEnd]]


class _Environment(TypedDict, total=False):
    processor: str | None
    threads: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One fold of one system.

    Args:
        schema: version of this layout.
        notes: caveats such as "random weights", printed with every table that uses the record.
        recipe: all settings, the nested front end included.
        classes: K class names in the order of all score columns.
        counts: part -> class -> utterances.
        parts: `PARTS`, and `test:<condition>` for each noise condition. The first rule of the scores is the paper's
            decision: the row's largest value, an all-zero row meaning "no decision".
        history: name -> value per epoch; `best_epoch` is an index into these lists.
        warnings: warnings on the corpus, as the run printed them. They are shown beside results and do not prevent a
            comparison with the paper.
        audit: warnings of the leakage audit on the folds of this seed, as the run printed them.
        trained_on: the training corpus's variant if it is not the test corpus, else "". `corpus`, `corpus_variant`,
            `limits` and the test counts then describe the test corpus.
        networks: by name, how each network's training ended; empty for a system without networks, and in records that
            predate this field.
        corpus_fingerprint: SHA-256 over ids, labels, speakers and the audio files' bytes.
        fold_fingerprint: SHA-256 over the ids of the three parts.
        environment: versions, backend, threads, processor, commit.
        cost: seconds and peak memory of training this fold, and parameters.
    """

    schema: Annotated[int, msgspec.Meta(ge=1)] = SCHEMA
    paper: str
    variant: str
    preset: str
    corpus: str
    corpus_variant: str
    synthetic: bool
    limits: str
    protocol: str
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    fold: str
    num_folds: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    notes: list[str]
    classes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1000)]
    counts: dict[Literal["train", "valid", "test"], dict[str, Count]]
    recipe: dict[str, Any]
    parts: dict[str, Part]
    history: dict[str, list[float]]
    best_epoch: Count | None
    regularisation: float
    corpus_fingerprint: str
    fold_fingerprint: str
    environment: dict[str, str | int | float | bool | None]
    cost: Cost
    networks: dict[str, Network] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    audit: list[str] = dataclasses.field(default_factory=list)
    trained_on: str = ""

    @property
    def training_corpus(self) -> str:
        """The name of the training corpus."""
        return self.trained_on.partition("/")[0] or self.corpus

    def scores(self, part="test", rule=None) -> np.ndarray:
        """`(N, K)` float64 scores of a part for a decision rule, by default the paper's."""
        rules = self.parts[part]["scores"]
        return np.asarray(rules[rule or next(iter(rules))], dtype="float64").reshape(-1, len(self.classes))

    def labels(self, part="test") -> np.ndarray:
        """`(N,)` class indices of a part."""
        return np.asarray(self.parts[part]["labels"], dtype=int)


def cross_corpus_protocol(trained_on) -> str:
    """The protocol's name in records of systems trained on this corpus variant and tested on another corpus."""
    return f"{CROSS_CORPUS}-{slug(trained_on)}"


def path_of(root, *, paper, variant, corpus_variant, protocol, preset, seed, fold) -> Path:
    """The path of a job's record in a results folder; different jobs have different paths.

    Raises:
        InputError: a name is not valid as a folder or file name.
    """
    return Path(root, _place(paper, variant, corpus_variant, protocol, preset, seed, fold))


def record_path(root, record) -> Path:
    return Path(root, _place_of(record))


_key_of = operator.attrgetter(*KEY)


def _place_of(record) -> str:
    return _place(*_key_of(record))


def _place(paper, variant, corpus_variant, protocol, preset, seed, fold) -> str:
    names = {"paper": paper, "variant": variant, "protocol": protocol, "preset": preset, "fold": fold}
    for field, name in names.items():
        try:
            file_name(name)
        except InputError as error:
            raise InputError(f"{field} {error}") from error
    if "-" in preset:
        raise InputError(f"preset {preset!r} has a hyphen, which ends the protocol in a path; take another name")
    return f"runs/{paper}/{variant}/{slug(corpus_variant)}/{protocol}-{preset}/seed_{seed}/{fold}.json"


def write(record, *, root) -> Path:
    """Write a record atomically and return its path.

    Raises:
        InputError: the record exists already, or the folder is not writable.
    """
    path = record_path(root, record)
    if path.exists():
        raise InputError(f"{path} exists already and is not overwritten; take another --results folder or another seed")
    written = text(record)
    try:
        with atomic(path, "w", replace=False) as file:
            file.write(written)
    except FileExistsError as error:
        raise InputError(f"{path} was written by another run in the meantime; that record is kept") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); give a writable folder with --results"
        ) from error
    return path


def text(record) -> str:
    """A record as JSON with one top-level key per line: compact, and diffs show which key changed."""
    tree = dataclasses.asdict(record)
    rows = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in tree.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def read(path) -> RunRecord:
    """Read one record and check each of its fields.

    Raises:
        InputError: not a record, damaged, or written by a newer version of this suite.
    """
    record = decode(path, RunRecord, newest=SCHEMA, trouble=_TROUBLE)
    faults = list(description_faults(record)) or [*_part_faults(record), *_training_faults(record)]
    if faults:
        raise damaged(path, "; ".join(faults[:3]), _TROUBLE)
    return record


def read_all(root, corpus_variants=None) -> list[RunRecord]:
    """All records under `root/runs`, or only those of some corpus variants, sorted by path.

    Raises:
        InputError: names the first ten records that are damaged or stored at a wrong path, for example copies.
    """
    records, faults = [], []
    with without_garbage_collection():
        for path in sorted(_paths(root, corpus_variants)):
            try:
                records.append(read(path))
            except InputError as error:
                faults.append(str(error))
            else:
                if path.relative_to(root).as_posix() != _place_of(records[-1]):
                    faults.append(_misplaced(path, record_path(root, records[-1]), records[-1]))
    if faults:
        raise InputError(listed(faults, separator="\n"))
    return records


def _paths(root, corpus_variants):
    if corpus_variants is None:
        return Path(root, "runs").rglob("*.json")
    folders = {slug(name) for name in corpus_variants}
    return (path for folder in folders for path in Path(root, "runs").glob(f"*/*/{folder}/**/*.json"))


@contextlib.contextmanager
def without_garbage_collection():
    """A context without garbage collection: records hold many lists without cycles, which slow the collector down."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _misplaced(path, own, record) -> str:
    job = f"{record.paper}/{record.variant} on {record.corpus_variant}, seed {record.seed}, {record.fold}"
    if own.exists():
        return printable(f"{path} is a second record of {job}, beside {own}; delete or move away one of the two")
    return printable(f"{path} is the record of {job}, which belongs at {own}; move it there, or delete it")


def decode(path, kind, *, newest, trouble):
    """A JSON file as a dataclass, with the type of every field checked.

    Args:
        path: of the file.
        kind: dataclass with a field `schema`.
        newest: the highest schema that can be read.
        trouble: (description of a damaged file, remedy), for messages.

    Raises:
        InputError: the file cannot be read, is not JSON of this kind, lacks fields, or has unknown fields or a newer
            schema.
    """
    path = Path(path)
    try:
        content = read_bytes(path)
        raw = _RAW.decode(content)
        if "schema" not in raw:
            raise ValueError("it has no schema")
        schema = msgspec.json.decode(raw["schema"], type=int)
        if schema <= newest:
            _check_keys(raw, kind)
            return _decoder(kind).decode(content)
    except (OSError, ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        raise damaged(path, error, trouble) from error
    raise InputError(
        printable(f"{path} has schema {schema}, this version reads up to {newest}; update the suite to use it")
    )


_decoder = functools.cache(msgspec.json.Decoder)
_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TROUBLE = "is not a run record or is damaged", "delete it and run its fold again"


def _check_keys(raw, kind):
    """Raise ValueError for missing and unknown fields; msgspec names one missing field and ignores unknown ones."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    no_default = (dataclasses.MISSING, dataclasses.MISSING)
    required = {name for name, field in fields.items() if (field.default, field.default_factory) == no_default}
    if missing := sorted(required - raw.keys()):
        raise ValueError(f"it lacks {', '.join(map(repr, missing))}")
    if unknown := [name for name in raw if name not in fields]:
        raise ValueError(f"it has unknown fields: {', '.join(map(ascii, unknown[:5]))}")


def damaged(path, reason, trouble) -> InputError:
    """The error for a damaged file; `trouble` as in `decode`."""
    words, repair = trouble
    return InputError(printable(f"{path} {words} ({reason}); {repair}"))


def description_faults(record):
    """Yield a sentence for each inconsistent field of a record; `parts` and `history` are not examined."""
    try:
        _place_of(record)
    except InputError as error:
        yield str(error)
    number = re.fullmatch(r"fold_([1-9]\d{0,4})", record.fold, re.ASCII)
    if not number or int(number[1]) > record.num_folds:
        yield f"fold {record.fold!r} is not one of fold_1 to fold_{record.num_folds}"
    if record.classes != sorted(set(record.classes)) or not all(map(_is_word, record.classes)):
        yield f"the classes {record.classes} are not distinct names in alphabetical order"
    names = (record.corpus, record.corpus_variant)
    if not all(map(_is_word, names)) or not f"{record.corpus_variant}/".startswith(f"{record.corpus}/"):
        yield f"corpus_variant {record.corpus_variant!r} does not belong to corpus {record.corpus!r}"
    if record.synthetic != any(name.endswith("-synthetic") for name in (record.corpus, record.training_corpus)):
        yield f"synthetic is {record.synthetic}, corpus is {record.corpus!r}"
    if (record.trained_on or record.protocol.startswith(CROSS_CORPUS)) and (
        not _is_word(record.trained_on) or record.protocol != cross_corpus_protocol(record.trained_on)
    ):
        yield f"protocol {record.protocol!r} does not match training on {record.trained_on!r}"
    if missing := [part for part in PARTS if part not in record.counts]:
        yield f"counts lack {', '.join(missing)}"
    if unknown := {name for counts in record.counts.values() for name in counts} - set(record.classes):
        yield f"counts have unknown classes {', '.join(sorted(unknown))}"
    if _depth(record.recipe) > DEEPEST:
        yield f"the recipe has more than {DEEPEST} levels"
        return
    for name, kind in (("recipe", _Recipe), ("environment", _Environment)):
        try:
            msgspec.convert(getattr(record, name), kind)
        except msgspec.ValidationError as error:
            yield f"{name}: {error}"


def _is_word(text):
    return bool(text) and text.isprintable()


def _depth(tree):
    """Levels of a tree of dicts and lists, at most `DEEPEST` + 1."""
    level, depth = [tree], 0
    while level and depth <= DEEPEST:
        level = [member for node in level for member in (node.values() if isinstance(node, dict) else node)]
        level = [node for node in level if isinstance(node, (dict, list))]
        depth += 1
    return depth


def _part_faults(record):
    if missing := [part for part in PARTS if part not in record.parts]:
        yield f"parts lack {', '.join(missing)}"
        return
    tests = [name for name in record.parts if name not in PARTS]
    if unknown := [name for name in tests if not name.startswith("test:")]:
        yield f"unknown part {', '.join(unknown)}"
    for name, part in record.parts.items():
        counts = record.counts.get(name.partition(":")[0], {})
        yield from (f"part {name}: {fault}" for fault in _faults_of_part(part, record.classes, counts, name == "train"))
    conditions = [f"test:{name}" for name, _ in record.recipe.get("test_front_ends", ())]
    if sorted(conditions) != sorted(tests):
        yield f"the noisy parts are {sorted(tests)}, those of the recipe {sorted(conditions)}"
    test = record.parts["test"]
    for name in tests:
        if any(record.parts[name].get(field) != test.get(field) for field in ("utterances", "speakers", "labels")):
            yield f"part {name} has other utterances than part test"
    if len({tuple(part.get("scores", ())) for name, part in record.parts.items() if name != "train"}) > 1:
        yield "the parts have different decision rules"


def _faults_of_part(part, classes, counts, is_train):
    num_classes = len(classes)
    confusion = part["confusion"]
    if len(confusion) != num_classes or {*map(len, confusion)} != {num_classes + 1}:
        yield f"confusion is not {num_classes} x {num_classes + 1}"
        return
    by_class = [counts.get(name, 0) for name in classes]
    if [*map(sum, confusion)] != by_class:
        yield "confusion and counts differ"
    evidence = [part.get(field) for field in ("utterances", "speakers", "labels", "scores")]
    if is_train:
        if any(field is not None for field in evidence):
            yield "it has utterances, which only the other parts have"
        return
    if any(field is None for field in evidence):
        yield "it lacks utterances, speakers, labels or scores"
        return
    utterances, speakers, labels, scores = evidence
    if not len(utterances) == len(speakers) == len(labels):
        yield f"{len(utterances)} utterances, {len(speakers)} speakers, {len(labels)} labels"
    if len(set(utterances)) < len(utterances):
        yield "an utterance occurs twice"
    if max(labels, default=0) >= num_classes:
        yield f"label {max(labels)} of {num_classes} classes"
    elif [*map(labels.count, range(num_classes))] != by_class:
        yield "labels and counts differ"
    if not scores:
        yield "there are no scores"
    for rule, rows in scores.items():
        if len(rows) != len(labels) or {*map(len, rows)} - {num_classes}:
            yield f"scores of {rule} are not {len(labels)} x {num_classes}"


def _training_faults(record):
    """Faults of history and networks. A system's networks (`emotion:loss`, `loss`) may have different lengths."""
    lengths = {}
    for name, values in record.history.items():
        if name != "seconds":  # of all networks together
            lengths.setdefault(name.rpartition(":")[0], set()).add(len(values))
    if any(len(different) > 1 for different in lengths.values()):
        yield "the lists of the history have different lengths"
    if record.best_epoch is not None and record.best_epoch >= min(lengths.get("", {0})):
        yield f"best_epoch {record.best_epoch} is beyond the end of the history"
    for name, network in record.networks.items():
        if network["kept"] >= network["epochs"]:
            yield f"network {name} keeps epoch index {network['kept']} of only {network['epochs']} epochs"
