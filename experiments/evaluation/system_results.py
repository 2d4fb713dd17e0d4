"""Group records into systems, with their complete seeds, pooled decisions, caveats and the command to rerun them."""

import dataclasses
import functools
import itertools
import re
import shlex
from collections import defaultdict

import numpy as np

from common import recipes
from common.corpora.labels import KEEP
from common.errors import InputError, listed
from common.evaluation import intervals, metrics
from common.folds import leakage, user_folds
from common.records import CROSS_CORPUS
from common.utterance import EMOTIONS, LABEL_SETS, SYNTHETIC
from experiments.evaluation import convergence

LEAKY_NOTE = (
    "leaky on purpose: overlapping segments of one recording are in training and test; n counts single segments and "
    "their copies, while other protocols count recordings, classified by all their segments; the copies balance the "
    "classes, so that majority WA equals chance"
)


@dataclasses.dataclass(frozen=True)
class Predictions:
    """A system's decisions on one part, over all folds.

    Args:
        ids: (N,) utterances.
        speakers: (N,) names.
        labels: (N,) class indices.
        decisions: (S, N) class indices, -1 for no decision. S is the number of seeds if all seeds have the same
            utterances. If they differ (a random split), S = 1 and the seeds are concatenated.
    """

    ids: np.ndarray
    speakers: np.ndarray
    labels: np.ndarray
    decisions: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)  # compared and hashed by identity
class SystemResults:
    """All records of one (paper, variant, corpus variant, protocol, preset), by seed and fold."""

    paper: str
    variant: str
    corpus_variant: str
    protocol: str
    preset: str
    records: tuple

    @property
    def name(self) -> str:
        return f"{self.paper}/{self.variant}"

    @property
    def group(self) -> tuple[str, str, str]:
        """(corpus variant, protocol, preset); systems with the same group can be compared."""
        return self.corpus_variant, self.protocol, self.preset

    @property
    def classes(self) -> list[str]:
        return self.records[0].classes

    @property
    def rules(self) -> list[str]:
        return list(self.records[0].parts["test"]["scores"])

    @property
    def synthetic(self) -> bool:
        return self.records[0].synthetic

    @property
    def trained_on(self) -> str:
        """The training corpus variant, "" if it is the test corpus variant."""
        return self.records[0].trained_on

    @functools.cached_property
    def by_seed(self) -> dict[int, list]:
        seeds = defaultdict(list)
        for record in self.records:
            seeds[record.seed].append(record)
        return dict(seeds)

    @property
    def complete(self) -> list[int]:
        """Seeds with records of all folds."""
        return [seed for seed, records in self.by_seed.items() if len(records) == records[0].num_folds]

    @property
    def seeds(self) -> list[int]:
        """The seeds used for metrics: the complete ones, or all if none is complete."""
        return self.complete or list(self.by_seed)

    @property
    def records_used(self) -> list:
        return [record for seed in self.seeds for record in self.by_seed[seed]]

    @property
    def folds(self) -> str:
        """`recorded/total` folds of a seed."""
        done = sorted({len(self.by_seed[seed]) for seed in self.seeds})
        total = self.records[0].num_folds
        return f"{'–'.join(map(str, done[:1] + done[1:][-1:]))}/{total}"

    @property
    def inconsistencies(self) -> list[str]:
        """Differences between records that must not exist between repetitions of one experiment, in words."""
        recipes = list({repr(record.recipe): record.recipe for record in self.records}.values())
        differing = {
            "recipes": not all(_agree(one, other) for one, other in itertools.combinations(recipes, 2)),
            "recordings": len({record.corpus_fingerprint for record in self.records}) > 1,
            "numbers of folds": len({record.num_folds for record in self.records}) > 1,
        }
        return [f"records of different {name}" for name, differs in differing.items() if differs]

    @property
    def notes(self) -> list[str]:
        """Deviations of the system from its recipe, e.g. random weights."""
        notes = {note for record in self.records for note in record.notes}
        return sorted(notes | {LEAKY_NOTE} if leakage.is_leaky(self.protocol) else notes)

    @property
    def caveats(self) -> list[str]:
        """All caveats on this system's results, except the limits of its corpus."""
        notes = self.notes
        incomplete = [seed for seed in self.by_seed if seed not in self.complete]
        if incomplete:
            verb = "incomplete" if incomplete == self.seeds else "left out, incomplete"
            notes.append(f"seed {ranges(incomplete)} {verb}")
        return [*notes, *self.inconsistencies, *self.underfitted, *self.warnings]

    @property
    def warnings(self) -> list[str]:
        """Warnings on the corpus at the time of training."""
        return sorted({warning for record in self.records for warning in record.warnings})

    @functools.cached_property
    def _states(self) -> list[tuple]:
        """(record, name of a network, its state), for the records used."""
        return [(record, *item) for record in self.records_used for item in convergence.states(record).items()]

    @property
    def converged(self) -> str:
        """`k/N` of the networks in the records used; "" for a system without networks, or with older records."""
        finished = [state is convergence.State.CONVERGED for record, _, state in self._states if record.networks]
        return f"{sum(finished)}/{len(finished)}" if finished else ""

    @property
    def _failed(self) -> list[tuple]:
        return [(record, name) for record, name, state in self._states if state is convergence.State.UNDERFITTED]

    @property
    def num_underfitted(self) -> int:
        """Number of underfitted networks in the records used."""
        return len(self._failed)

    @property
    def underfitted(self) -> list[str]:
        """A sentence that lists the underfitted networks; empty if there are none."""
        failed = self._failed
        places = [f"seed {record.seed} {record.fold}{_of_several(record, name)}" for record, name in failed]
        total = sum(max(1, len(record.networks)) for record in self.records_used)
        return [f"underfitted: {len(failed)} of {total} networks ({listed(places, 3)})"] if failed else []

    @property
    def limits(self) -> str:
        return self.records[0].limits

    @property
    def num_test(self) -> str:
        """Number of test utterances of a seed, as text; a range if it differs between seeds."""
        sizes = sorted({sum(len(r.parts["test"]["labels"]) for r in self.by_seed[seed]) for seed in self.seeds})
        return "–".join(map(str, sizes[:1] + sizes[1:][-1:]))

    @property
    def majority(self) -> float:
        """The accuracy of always predicting the most frequent class of the test parts."""
        return metrics.majority(np.sum(self.confusions(), axis=(0, 2)))

    @functools.cached_property
    def command(self) -> str:
        return command(self.records[0], seeds=ranges(self.by_seed))

    @functools.cached_property
    def test_folds(self) -> dict[int, dict]:
        """{seed: {fold: hash of its test utterances and labels}}, to compare the test parts of two systems."""
        return {
            seed: {
                record.fold: hash(frozenset(zip(record.parts["test"]["utterances"], record.labels(), strict=True)))
                for record in records
            }
            for seed, records in self.by_seed.items()
        }

    def confusions(self, rule=None, part="test", seed=None) -> list[np.ndarray]:
        """One matrix (K, K+1) per fold, of one seed or of all seeds used."""
        rule = rule or self.rules[0]
        chosen = self.records_used if seed is None else self.by_seed[seed]
        return [self._confusion(record, rule, part) for record in chosen]

    @functools.cached_property
    def _decided(self) -> dict:
        return {}

    @functools.cached_property
    def measured(self) -> dict:
        """Cache of computed metrics, used by experiments/evaluation/scores."""
        return {}

    @functools.cached_property
    def differences(self) -> dict:
        """Cache of differences from other systems, used by experiments/evaluation/comparisons."""
        return {}

    def decisions(self, record, rule, part="test") -> np.ndarray:
        """(N,) class indices of one record, -1 for no decision."""
        key = record.seed, record.fold, rule, part
        if key not in self._decided:
            self._decided[key] = metrics.decide(record.scores(part, rule))
        return self._decided[key]

    @functools.cached_property
    def _confusions(self) -> dict:
        return {}

    def _confusion(self, record, rule, part):
        if part == "train":  # stored without scores
            return np.asarray(record.parts[part]["confusion"])
        key = record.seed, record.fold, rule, part
        if key not in self._confusions:
            labels, decisions = record.labels(part), self.decisions(record, rule, part)
            self._confusions[key] = metrics.confusion_matrix(labels, decisions, num_classes=len(record.classes))
        return self._confusions[key]

    @functools.cached_property
    def _tested(self) -> dict:
        return {}

    def tested(self, rule=None, part="test", seeds=None) -> Predictions:
        """The utterances of a part with their decisions, sorted by id within a seed."""
        key = rule or self.rules[0], part, tuple(seeds or self.seeds)
        if key not in self._tested:
            self._tested[key] = self._join(*key)
        return self._tested[key]

    def counts(self, parts=("test",), *, rule=None, seeds=None, speakers=None) -> intervals.Counts:
        """(G, L, C, K, K+1) confusion counts by speaker and record, for C parts of the same recordings.

        Args:
            parts: C names of parts.
            rule: decision rule; None is the paper's.
            seeds: None is all seeds used.
            speakers: (G,) sorted names; by default those of the parts' utterances.
        """
        rule, seeds = rule or self.rules[0], tuple(seeds or self.seeds)
        if speakers is None:
            return self._counted(tuple(parts), rule, seeds)
        chosen = [record for seed in seeds for record in self.by_seed[seed]]
        num_classes = len(self.classes)
        cells = np.zeros((len(speakers), len(chosen), len(parts), num_classes, num_classes + 1), dtype=np.int64)
        for network, record in enumerate(chosen):
            for place, part in enumerate(parts):
                names, counted = self._cells(record, part, rule)
                cells[np.searchsorted(speakers, names), network, place] = counted
        return intervals.Counts(cells, np.array([record.seed for record in chosen]))

    def _counted(self, parts, rule, seeds) -> intervals.Counts:
        """`counts` for the parts' own speakers, cached for all metrics."""
        key = parts, rule, seeds
        if key not in self._all_counts:
            options = {"rule": rule, "seeds": seeds}
            self._all_counts[key] = self.counts(parts, speakers=self.speakers(parts[0], **options), **options)
        return self._all_counts[key]

    def speakers(self, part="test", *, rule=None, seeds=None) -> np.ndarray:
        """(G,) sorted names of the speakers in a part."""
        chosen = [record for seed in seeds or self.seeds for record in self.by_seed[seed]]
        return np.unique(np.concatenate([self._cells(record, part, rule or self.rules[0])[0] for record in chosen]))

    @functools.cached_property
    def _all_counts(self) -> dict:
        return {}

    @functools.cached_property
    def _by_speaker(self) -> dict:
        return {}

    def _cells(self, record, part, rule) -> tuple[np.ndarray, np.ndarray]:
        """(G,) sorted speakers of a part of one record, and their (G, K, K+1) counts."""
        key = record.seed, record.fold, rule, part
        if key not in self._by_speaker:
            labels, decisions = record.labels(part), self.decisions(record, rule, part)
            speakers = np.asarray(record.parts[part]["speakers"])
            cells = metrics.confusion_by_group(labels, decisions, speakers, num_classes=len(self.classes))[:, 0]
            self._by_speaker[key] = np.unique(speakers), cells
        return self._by_speaker[key]

    def tested_by(self, record, rule=None, part="test") -> Predictions:
        """The decisions in one record, in its own order."""
        decisions = self.decisions(record, rule or self.rules[0], part)
        ids, speakers = (np.asarray(record.parts[part][name]) for name in ("utterances", "speakers"))
        return Predictions(ids, speakers, record.labels(part), decisions[None])

    def _join(self, rule, part, seeds) -> Predictions:
        runs = [self._one_seed(seed, rule, part) for seed in seeds]
        if all(np.array_equal(run.ids, runs[0].ids) and np.array_equal(run.labels, runs[0].labels) for run in runs):
            return dataclasses.replace(runs[0], decisions=np.stack([run.decisions for run in runs]))
        fields = {f.name: [getattr(run, f.name) for run in runs] for f in dataclasses.fields(Predictions)}
        joined = {name: np.concatenate(values) for name, values in fields.items()}
        return Predictions(**(joined | {"decisions": joined["decisions"][None]}))

    def _one_seed(self, seed, rule, part) -> Predictions:
        """As `Predictions`, with decisions (N,)."""
        records = self.by_seed[seed]
        ids = np.concatenate([record.parts[part]["utterances"] for record in records])
        order = np.argsort(ids, kind="stable")
        return Predictions(
            ids=ids[order],
            speakers=np.concatenate([record.parts[part]["speakers"] for record in records])[order],
            labels=np.concatenate([record.labels(part) for record in records])[order],
            decisions=np.concatenate([self.decisions(record, rule, part) for record in records])[order],
        )


def _of_several(record, name) -> str:
    return f" {name}" if len(record.networks) > 1 else ""


def group(records) -> list[SystemResults]:
    """Systems by corpus variant, protocol, preset and name.

    Raises:
        InputError: records of one system have different classes or different decision rules.
    """
    by_system = defaultdict(list)
    for record in records:
        by_system[record.corpus_variant, record.protocol, record.preset, record.paper, record.variant].append(record)
    systems = []
    for (corpus, protocol, preset, paper, variant), members in sorted(by_system.items()):
        members.sort(key=lambda record: (record.seed, _natural(record.fold)))
        system = SystemResults(paper, variant, corpus, protocol, preset, tuple(members))
        if len({(*m.classes, *m.parts["test"]["scores"]) for m in members}) > 1:
            raise InputError(
                f"records of {system.name} on {corpus}, {protocol}, preset {preset}, differ in their classes or their "
                "decision rules; delete the older ones and run their folds again"
            )
        systems.append(system)
    return systems


def _agree(one, other) -> bool:
    """Whether two recipes agree in all fields that both have: older records lack fields that were added later.

    The list of protocols is not compared.
    """
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree, one, other))
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one == other
    return all(_agree(one[name], other[name]) for name in (one.keys() & other.keys()) - {*recipes.OFFERS})


def _natural(name):
    """Key that sorts fold_2 before fold_10."""
    return [int(piece) if piece.isdigit() else piece for piece in re.split(r"(\d+)", name)]


def ranges(numbers) -> str:
    """(0, 1, 2, 5) -> "0-2,5"."""
    numbers, pieces = sorted(numbers), []
    for number in numbers:
        if pieces and pieces[-1][1] == number - 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in pieces)


def seeds_in_words(seeds) -> str:
    """(0,) -> "seed 0", (0, 1, 2) -> "seeds 0-2"."""
    return f"seed{'s' if len(seeds) > 1 else ''} {ranges(seeds)}"


def command(record, *, seeds) -> str:
    """The command that reruns a record's system; the user adds --data or sets SER_DATA.

    Records do not contain the paths of a user's own files: FILE, DIR, FOLDER and folds:PATH are placeholders.
    """
    words = ["run", record.paper, "--variant", record.variant]
    tested, emotions = corpus_words(record)
    name, emotions_of_training = corpus_words(_of_training(record))
    emotions = emotions or emotions_of_training  # a corpus without other classes has no label set in its name
    if name and name != record.recipe.get("corpus"):
        words += ["--corpus", name]
    if record.trained_on:
        words += ["--test-corpus", tested]
    if emotions:
        words += ["--emotions", emotions]
    words += label_words(record)
    if record.synthetic:
        words += ["--data", "SYNTHETIC"]
    words += _noise_words(record)
    protocol = f"{user_folds.PREFIX}PATH" if user_folds.are_recorded(record.protocol) else record.protocol
    protocol = CROSS_CORPUS if record.trained_on else protocol
    return shell_line([*words, "--protocol", protocol, "--preset", record.preset, "--seeds", seeds])


def _of_training(record):
    """The record with the names of its training corpus."""
    names = {"corpus": record.training_corpus, "corpus_variant": record.trained_on or record.corpus_variant}
    return dataclasses.replace(record, **names)


def shell_line(words) -> str:
    """The verb and options of `python -m experiments` as a line for a POSIX shell, quoted if needed."""
    return shlex.join(["python", "-m", "experiments", *words])


def corpus_words(record) -> tuple[str, str]:
    """The values of --corpus and --emotions, from the corpus variant: `emodb-2s/4hap` -> (`emodb`, `4hap`).

    A user's table is `manifest:FILE`, a user's database `audformat:DIR` or `audformat:DIR:TABLE`. The recordings of
    fold files have no --corpus, since --protocol gives them.
    """
    parts = [part for part in _variant_parts(record) if "=" not in part]
    kind, of_a_user, _ = record.corpus.partition(":")
    base = record.corpus.removesuffix(SYNTHETIC).removesuffix("-2s")
    num_named = 0 if of_a_user else 2 if base == "iemocap" else int(parts[:1] == ["all"])  # parts that --corpus has
    named, rest = parts[:num_named], parts[num_named:]
    emotions = rest.pop() if rest and _are_emotions(rest[-1], record) else ""
    words = emotions if emotions in LABEL_SETS else emotions.replace("+", ",")
    if kind == "manifest":
        return "manifest:FILE", words
    if record.corpus.startswith(user_folds.PREFIX):
        return "", words
    if of_a_user:
        return ":".join(["audformat:DIR", *rest[:1]]), words
    return "/".join([base, *named]), words


def _variant_parts(record) -> list[str]:
    """The parts of the variant after the corpus's name: `emodb/all/4hap` -> [`all`, `4hap`]."""
    return record.corpus_variant.removeprefix(record.corpus).split("/")[1:]


def _are_emotions(part, record) -> bool:
    """Whether a part of a variant comes from `Corpus.only`, which needs at least two emotions."""
    return part in LABEL_SETS or ("+" in part and set(part.split("+")) <= {*EMOTIONS, *record.classes})


def labels_name(record) -> str:
    """The part of the corpus variant from --labels, "" if none: `calm=neutral`, or `labels=map` for a file map.csv."""
    return next((part for part in _variant_parts(record) if "=" in part), "")


def label_words(record) -> list[str]:
    """The option --labels: `ravdess/calm=neutral` -> `--labels calm=neutral`; FILE for a file."""
    name = labels_name(record)
    if not name:
        return []
    option, _, value = name.partition("=")
    if option == "labels":
        return ["--labels", KEEP if value == KEEP else "FILE"]
    return ["--labels", name.replace("+", ",")]


def _noise_words(record) -> list[str]:
    """The options --noises and --snr, for a system tested in noise."""
    noisy = [front_end for _, front_end in record.recipe.get("test_front_ends", ())]
    of_the_user = any("@" in front_end["noise"] for front_end in noisy)
    levels = sorted({f"{front_end['snr_db']:g}" for front_end in noisy} - {"0"})
    return [*(["--noises", "FOLDER"] if of_the_user else []), *(["--snr", levels[0]] if levels else [])]


def by_group(systems) -> dict[tuple[str, str, str], list[SystemResults]]:
    """Systems that can be compared, by (corpus variant, protocol, preset)."""
    groups = {}
    for system in systems:
        groups.setdefault(system.group, []).append(system)
    return groups


def common_seeds(first, second) -> list[int]:
    """Complete seeds with which both systems tested the same utterances in the same folds."""
    return [s for s in first.complete if s in second.complete and first.test_folds[s] == second.test_folds[s]]


def command_not_run(number) -> str:
    """The command that would reproduce a published number."""
    words = ["run", number.paper, "--variant", number.variant, "--protocol", number.protocol]
    return shell_line([*words, "--preset", "paper", "--seeds", str(number.seeds)])
