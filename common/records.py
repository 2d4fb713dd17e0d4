"""A run's evidence <-> JSON: one file per (paper, variant, corpus variant, protocol, preset, seed, fold).

Evidence is stored, numbers are derived: a record holds every utterance's label and scores, never a metric. Reading
needs neither TensorFlow nor audio, and checks the type and the meaning of every field.
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
KEY = ("paper", "variant", "corpus_variant", "protocol", "preset", "seed", "fold")  # each has its place in the path
DEEPEST = 20  # levels of a recipe
CROSS_CORPUS = "cross_corpus"  # trained on one corpus, tested on all of another

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Score = Annotated[float, msgspec.Meta(ge=-3.5e38, le=3.5e38)]  # a float32
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Part(TypedDict):
    """A part of a fold; parallel lists of N utterances. "train" has the confusion matrix and the cross-entropy only."""

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
    """Of one fold's training."""

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
        notes: what a reader of any table must know, e.g. "random weights"; printed wherever the record is used.
        recipe: every setting, nested front end included.
        classes: K class names in the order of all score columns.
        counts: part -> class -> utterances.
        parts: `PARTS`, and `test:<condition>` for each noise condition. The first rule of the scores is the paper's
            decision: the row's largest value, an all-zero row meaning "no decision".
        history: per epoch values; `best_epoch` indexes it.
        warnings: what is doubtful of the corpus, as the run printed it; shown beside results, and no bar to a verdict.
        audit: what the leakage audit warned of in the folds of this seed, as the run printed it.
        trained_on: the corpus variant of the training and validation part where it is another one; the `corpus`, its
            variant, limits and counts of the test part are then those of the corpus that was tested on.
        networks: by name, how each network's training ended; empty for a system without networks, and in records older
            than the field.
        corpus_fingerprint: SHA-256 over ids, labels, speakers and the audio files' bytes.
        fold_fingerprint: SHA-256 over the ids of the three parts.
        environment: versions, backend, threads, processor, commit.
        cost: seconds and peak memory of this fold's training, parameters.
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
        """The name of the corpus that was trained on."""
        return self.trained_on.partition("/")[0] or self.corpus

    def scores(self, part="test", rule=None) -> np.ndarray:
        """`(N, K)` scores of a part under a rule, by default the paper's."""
        rules = self.parts[part]["scores"]
        return np.asarray(rules[rule or next(iter(rules))], dtype="float64").reshape(-1, len(self.classes))

    def labels(self, part="test") -> np.ndarray:
        return np.asarray(self.parts[part]["labels"], dtype=int)


def cross_corpus_protocol(trained_on) -> str:
    """The protocol of records that were trained on this corpus variant and tested on another corpus."""
    return f"{CROSS_CORPUS}-{slug(trained_on)}"


def path_of(root, *, paper, variant, corpus_variant, protocol, preset, seed, fold) -> Path:
    """Where the record of a job lies under a results folder; jobs that differ have different places.

    Raises:
        InputError: a name cannot be that of a folder or a file.
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
    """Write a record in one step and return its path.

    Raises:
        InputError: the record exists already, or the folder cannot be written to.
    """
    path = record_path(root, record)
    if path.exists():
        raise InputError(f"{path} exists already and is not overwritten; take another --results folder or another seed")
    written = text(record)
    try:
        with atomic(path, "w", replace=False) as file:
            file.write(written)
    except FileExistsError as error:
        raise InputError(f"{path} was written by another run meanwhile; its record is kept") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); give a writable folder with --results"
        ) from error
    return path


def text(record) -> str:
    """A record's file: one top-level key a line, small to store, and a diff shows which part changed."""
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
    """All records under `root/runs`, or those of some corpus variants, in the order of their paths.

    Raises:
        InputError: naming the first ten that are damaged or that do not lie at their own path, a copy for instance.
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
    """For work on all records: they hold many lists and no cycles, which the collector would walk again and again."""
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
    """A JSON file as a dataclass, the type of every field checked.

    Args:
        path: of the file.
        kind: dataclass with a field `schema`.
        newest: the highest schema that is read.
        trouble: words for a damaged file, and what to do with it.

    Raises:
        InputError: the file cannot be read, is no such JSON, has missing or unknown fields, or a newer schema.
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
    """Raise ValueError for missing and unknown fields: msgspec names one of the former and skips the latter."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    no_default = (dataclasses.MISSING, dataclasses.MISSING)
    required = {name for name, field in fields.items() if (field.default, field.default_factory) == no_default}
    if missing := sorted(required - raw.keys()):
        raise ValueError(f"it lacks {', '.join(map(repr, missing))}")
    if unknown := [name for name in raw if name not in fields]:
        raise ValueError(f"it has unknown fields: {', '.join(map(ascii, unknown[:5]))}")


def damaged(path, reason, trouble) -> InputError:
    """The error for a file whose content is not as it was written; `trouble` as in `decode`."""
    words, repair = trouble
    return InputError(printable(f"{path} {words} ({reason}); {repair}"))


def description_faults(record):
    """Sentences on fields that contradict each other or themselves, without the evidence."""
    try:
        _place_of(record)
    except InputError as error:
        yield str(error)
    number = re.fullmatch(r"fold_([1-9]\d{0,4})", record.fold, re.ASCII)
    if not number or int(number[1]) > record.num_folds:
        yield f"fold {record.fold!r} is none of fold_1 to fold_{record.num_folds}"
    if record.classes != sorted(set(record.classes)) or not all(map(_is_word, record.classes)):
        yield f"the classes {record.classes} are not different words in alphabetical order"
    names = (record.corpus, record.corpus_variant)
    if not all(map(_is_word, names)) or not f"{record.corpus_variant}/".startswith(f"{record.corpus}/"):
        yield f"corpus_variant {record.corpus_variant!r} is no part of corpus {record.corpus!r}"
    if record.synthetic != any(name.endswith("-synthetic") for name in (record.corpus, record.training_corpus)):
        yield f"synthetic is {record.synthetic}, corpus is {record.corpus!r}"
    if (record.trained_on or record.protocol.startswith(CROSS_CORPUS)) and (
        not _is_word(record.trained_on) or record.protocol != cross_corpus_protocol(record.trained_on)
    ):
        yield f"protocol {record.protocol!r} is not that of a training on {record.trained_on!r}"
    if missing := [part for part in PARTS if part not in record.counts]:
        yield f"counts lack {', '.join(missing)}"
    if unknown := {name for counts in record.counts.values() for name in counts} - set(record.classes):
        yield f"counts name {', '.join(sorted(unknown))}, which is no class"
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
        yield f"there is no part {', '.join(unknown)}"
    for name, part in record.parts.items():
        counts = record.counts.get(name.partition(":")[0], {})
        yield from (f"part {name}: {fault}" for fault in _faults_of_part(part, record.classes, counts, name == "train"))
    conditions = [f"test:{name}" for name, _ in record.recipe.get("test_front_ends", ())]
    if sorted(conditions) != sorted(tests):
        yield f"parts are in noise {sorted(tests)}, the recipe has {sorted(conditions)}"
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
            yield "it has utterances"
        return
    if any(field is None for field in evidence):
        yield "it lacks utterances, speakers, labels or scores"
        return
    utterances, speakers, labels, scores = evidence
    if not len(utterances) == len(speakers) == len(labels):
        yield f"{len(utterances)} utterances, {len(speakers)} speakers, {len(labels)} labels"
    if len(set(utterances)) < len(utterances):
        yield "an utterance is there twice"
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
    """Networks of one system have histories of different lengths: `emotion:loss` and `loss`."""
    lengths = {}
    for name, values in record.history.items():
        if name != "seconds":  # of all networks
            lengths.setdefault(name.rpartition(":")[0], set()).add(len(values))
    if any(len(different) > 1 for different in lengths.values()):
        yield "the lists of the history have different lengths"
    if record.best_epoch is not None and record.best_epoch >= min(lengths.get("", {0})):
        yield f"best_epoch {record.best_epoch} lies beyond the history"
    for name, network in record.networks.items():
        if network["kept"] >= network["epochs"]:
            yield f"network {name} has the weights of epoch index {network['kept']} of {network['epochs']} epochs"
