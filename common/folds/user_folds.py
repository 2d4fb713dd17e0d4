"""A user's own folds of a corpus: `--protocol folds:PATH`, or `folds` for columns `split` and `fold` of a table.

Utterances, speakers and emotions come from the corpus; the lists (common/folds/fold_files) assign utterances to parts.
A row is matched to the corpus by the full path of its file, else by the end of its path, else by its name or key,
together with channel and times.

Folds are named fold_1 to fold_K in the order of their own names. A fold without a validation part gets one from its
training part, see `splits.with_validation`. In records such a protocol is called `folds-NAME-HASH`: the name of the
lists, and the first eight digits of the SHA-256 of the ids in every part.
"""

import dataclasses
import hashlib
import json
import os
import re
from collections import defaultdict
from pathlib import Path

from common.corpora import labels as emotions
from common.corpora import manifest
from common.errors import InputError, listed
from common.folds import fold_files, splits
from common.utterance import EMOTIONS, Corpus, Fold

OWN_COLUMNS = "folds"
PREFIX, RECORDED = "folds:", "folds-"
_TIME_S = 1e-3  # to which lists round times


def are_named(protocol) -> bool:
    """Whether the value of `--protocol` means a user's own folds."""
    return protocol == OWN_COLUMNS or protocol.startswith(PREFIX)


def name_lists(protocol) -> bool:
    """Whether the value of `--protocol` means fold files, which also define a corpus if `--corpus` is absent."""
    return protocol.startswith(PREFIX)


def are_recorded(protocol) -> bool:
    """Whether a record's protocol means a user's own folds."""
    return protocol.startswith(RECORDED)


@dataclasses.dataclass(frozen=True)
class UserFolds:
    """A user's folds of one corpus.

    Args:
        protocol: its name in records.
        parts: for each fold, {part: ids}.
        warnings: sentences on rows and utterances that are left out.
    """

    protocol: str
    parts: tuple[dict[str, frozenset[str]], ...]
    warnings: tuple[str, ...]

    def folds(self, utterances, seed) -> tuple[tuple[Fold, ...], tuple[str, ...]]:
        """The folds restricted to these utterances, and a sentence on added validation parts, if any.

        Missing validation parts are drawn by `seed`.
        """
        utterances = sorted(utterances, key=lambda u: u.id)
        in_order = []
        for number, parts in enumerate(self.parts, start=1):
            members = {side: tuple(u for u in utterances if u.id in ids) for side, ids in parts.items()}
            in_order.append(Fold(f"fold_{number}", **members))
        drawn = tuple(fold if fold.valid else splits.with_validation(fold, seed) for fold in in_order)
        changed = [(old, new) for old, new in zip(in_order, drawn, strict=True) if new.valid and not old.valid]
        if not changed:
            return drawn, ()
        speakers = sorted({u.speaker for u in changed[0][1].valid})
        count = f"{len(changed)} of {len(in_order)} folds without a validation part"
        return drawn, (
            f"{count}: a sixth of the training speakers is used ({changed[0][0].name}: {listed(speakers, 6)})",
        )


def for_corpus(protocol, corpus) -> UserFolds:
    """The user's folds of a corpus, from `folds` or `folds:PATH`.

    `PATH` is a folder, a file, or several files joined by `+`, each of which is one part.

    Raises:
        InputError: there are no folds, two lists contradict each other, or no row belongs to this corpus.
    """
    if protocol == OWN_COLUMNS:
        return _own_columns(corpus)
    paths, lists = _read(protocol)
    if failures := [f for f in fold_files.findings(lists) if f.level == "FAIL"]:
        raise InputError(f"{listed(paths)}: {failures[0].message}")
    if len({fold.name.rpartition("/")[0] for fold in lists.folds}) > 1:
        raise InputError(f"{listed(paths)}: folds of several corpora; name the folder or the files of one of them")
    rows = _Rows(corpus)
    parts = tuple({side: rows.ids(members) for side, members in fold.parts.items()} for fold in lists.folds)
    warnings = rows.warnings(frozenset().union(*(ids for sides in parts for ids in sides.values())))
    if not any(ids for sides in parts for ids in sides.values()):
        raise InputError(
            f"{listed(paths)}: none of its {rows.total} recordings, such as {rows.example}, is in {corpus.variant}; "
            "give the right corpus with --corpus"
        )
    unread = [f.message for f in fold_files.findings(lists)]
    renamed = _renamed([fold.name.rpartition("/")[2] for fold in lists.folds])
    return UserFolds(_recorded_name(_stem(paths), parts), parts, (*unread, *renamed, *warnings))


def _renamed(names) -> list[str]:
    if names == [f"fold_{number}" for number in range(1, len(names) + 1)]:
        return []
    return [f"{listed(names, 3)}: renamed fold_1{f' to fold_{len(names)}' if len(names) > 1 else ''}"]


def corpus(protocol, data=None, labels=None) -> Corpus:
    """The recordings listed in `folds:PATH` as a corpus `folds:NAME`.

    Args:
        protocol: `folds:PATH`.
        data: a folder that paths in the lists may be relative to.
        labels: the user's mapping, common.corpora.labels.Labels.

    Raises:
        InputError: recordings are missing or have no speaker, or as `manifest.corpus_of`.
    """
    paths, lists = _read(protocol, data)
    everyone = [u for fold in lists.folds for part in fold.parts.values() for u in part]
    known = {(u.path, u.channel, u.start_s, u.end_s): u for u in everyone}
    absent = sorted({str(u.path) for u in known.values() if not u.path.is_file()})
    if absent:
        count = f"{len(absent)} of {len({u.path for u in known.values()})} recordings are not found"
        raise InputError(
            f"{listed(paths)}: {count}: {listed(absent, 3)}; give their corpus with --corpus, or the folder that the "
            "paths are relative to with --data"
        )
    if nobody := [u.id for u in known.values() if not u.speaker]:
        raise InputError(
            f"{listed(paths)}: {len(nobody)} recordings without a speaker: {listed(nobody, 3)}; add a column speaker, "
            "or give their corpus with --corpus"
        )
    root = Path(os.path.commonpath([u.path.parent for u in known.values()]))
    rows = [(u.id, _row(u, root)) for u in known.values()]
    return manifest.corpus_of(f"{PREFIX}{_stem(paths)}", listed(paths), rows, root, labels)


def _row(utterance, root):
    cells = {name: getattr(utterance, name) for name in ("emotion", "speaker", "gender", "text_id", "channel")}
    cells |= {"start": utterance.start_s, "end": utterance.end_s}
    row = {"file": utterance.path.relative_to(root).as_posix()}
    return row | {name: "" if value is None else str(value) for name, value in cells.items()}


def _read(protocol, data=None):
    path = protocol.removeprefix(PREFIX)
    paths = [Path(path)] if Path(path).exists() or "+" not in path else [Path(part) for part in path.split("+")]
    if not path:
        raise InputError(f"{protocol}: no path; expected {PREFIX}FOLDER or {PREFIX}FILE")
    return paths, fold_files.read_fold_files(*paths, audio_root=data)


def _stem(paths) -> str:
    path = Path(os.path.abspath(paths[0]))
    if len(paths) > 1:
        return path.parent.name
    return path.name if path.is_dir() else path.stem


def _recorded_name(stem, parts) -> str:
    readable = re.sub("[^a-z0-9]+", "_", stem.lower()).strip("_")[:40] or "lists"
    content = [{side: sorted(ids) for side, ids in sides.items()} for sides in parts]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
    return f"{RECORDED}{readable}-{digest}"


def _own_columns(corpus) -> UserFolds:
    """The folds in the columns `split` and `fold` of the corpus's own table."""
    columns = {u.id: dict(u.extra) for u in corpus.utterances}
    lacking = [name for name, cells in columns.items() if not {"split", "fold"} & cells.keys()]
    if len(lacking) == len(columns):
        raise InputError(
            f"{corpus.variant} has no column split or fold; add one to its table, or write --protocol {PREFIX}PATH"
        )
    parts = defaultdict(lambda: {side: set() for side in fold_files.SIDES})
    alone = {}
    for name, cells in columns.items():
        if name not in lacking:
            number, side = fold_files.place(cells, 1, None, name)
            alone |= {} if side else {name: number}
            parts[number][side or "test"].add(name)
    for number in set(alone.values()):
        parts[number]["train"] |= {name for name, other in alone.items() if other != number}
    by_ids = tuple({side: frozenset(ids) for side, ids in parts[number].items()} for number in sorted(parts))
    left_out = [f"{len(lacking)} utterances have neither split nor fold and are left out"] if lacking else []
    warnings = (*_renamed([f"fold_{number}" for number in sorted(parts)]), *left_out)
    stem = corpus.name.partition(":")[2] or corpus.name
    return UserFolds(_recorded_name(stem, by_ids), by_ids, warnings)


class _Rows:
    """Matches rows of lists to utterances of a corpus, and counts rows without a match."""

    def __init__(self, corpus):
        self._corpus, self._by_place, self._by_name = corpus, defaultdict(list), defaultdict(list)
        for u in corpus.utterances:
            self._by_place[os.path.realpath(u.path)].append(u)
            names = (u.id, _plain(u.id), Path(u.path).name, Path(u.path).stem)
            for name in {name.casefold() for name in names}:
                self._by_name[name].append(u)
        self._seen, self._strange, self._relabelled = set(), {}, {}
        self.example = ""

    @property
    def total(self):
        return len(self._seen | self._strange.keys())

    def ids(self, members) -> frozenset[str]:
        """The ids of the utterances that match these rows."""
        utterance_ids = set()
        for row in members:
            self.example = self.example or str(row.path)
            utterance = self._find(row)
            if utterance is None:
                self._strange[row.id] = None
                continue
            self._seen.add(row.id)
            utterance_ids.add(utterance.id)
            said = emotions.known(row.emotion)
            if said and said != utterance.emotion and utterance.emotion in EMOTIONS:
                self._relabelled[utterance.id] = None
        return frozenset(utterance_ids)

    def _find(self, row):
        path = row.path.as_posix()
        candidates = self._by_place.get(path) or self._by_name.get(row.id.casefold())
        if not candidates:
            named = self._by_name.get(row.path.name.casefold()) or self._by_name.get(row.path.stem.casefold()) or ()
            candidates = [u for u in named if _ends_alike(u, row.path)] or named
        fitting = [u for u in candidates if _same_stretch(u, row)]
        return fitting[0] if len(fitting) == 1 else None

    def warnings(self, used) -> tuple[str, ...]:
        corpus, sentences = self._corpus, []
        if self._strange:
            count = f"{len(self._strange)} of {self.total} recordings in the fold files are not in {corpus.variant}"
            sentences.append(f"{count} and are left out: {listed(self._strange, 3)}")
        if unused := [u.id for u in corpus.utterances if u.id not in used]:
            sentences.append(
                f"{len(unused)} of {len(corpus.utterances)} utterances are in no fold: {listed(unused, 3)}"
            )
        if self._relabelled:
            count = f"the fold files have another emotion than the corpus for {len(self._relabelled)} utterances"
            sentences.append(f"{count}; that of the corpus is used: {listed(self._relabelled, 3)}")
        return tuple(sentences)


def _plain(name):
    """An utterance's id in common/corpora/manifest without channel and stretch, i.e. its file."""
    return manifest.ID.fullmatch(name)[1]


def _ends_alike(utterance, path):
    """Whether the corpus's path ends with the list's path, or vice versa."""
    ours = [part.casefold() for part in Path(utterance.path).with_suffix("").parts]
    theirs = [part.casefold() for part in path.with_suffix("").parts if part not in ("/", "..")]
    shared = min(len(ours), len(theirs))
    return ours[-shared:] == theirs[-shared:]


def _same_stretch(utterance, row):
    if utterance.channel is not None and row.channel not in (None, utterance.channel):
        return False
    if row.start_s is None and row.end_s is None and utterance.start_s is None and utterance.end_s is None:
        return True
    if abs((utterance.start_s or 0.0) - (row.start_s or 0.0)) > _TIME_S:
        return False
    if utterance.end_s is None or row.end_s is None:
        return utterance.end_s is None and row.end_s is None
    from common.features import audio  # soundfile: not needed where no list is read

    return abs(utterance.end_s - row.end_s) <= audio.END_TOLERANCE_S + _TIME_S  # ends after the file's end are clipped
