"""Exported folds are the folds, and are audited as such; predictions are the records'; all without Keras and audio."""

import csv
import dataclasses
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from common import corpora, records
from common.corpora import manifest
from common.folds import fold_files, leakage, splits, user_folds
from common.utterance import Corpus, Fold, Utterance
from experiments.__main__ import main
from experiments.runs import jobs
from tests.support.records_by_hand import part, record

CLASSES = ("anger", "sadness")


def utterances(speakers=6, each=5):
    return tuple(
        Utterance(id=f"s{s}-{e}-{r}", path=f"s{s}-{e}-{r}.wav", emotion=e, speaker=f"s{s}")
        for s in range(speakers)
        for e in CLASSES
        for r in range(each)
    )


def scored(members):
    """A part of a record, all decided rightly."""
    if not members:
        nobody = {"utterances": [], "speakers": [], "labels": [], "scores": {"mean": []}}
        return nobody | {"confusion": [[0] * (len(CLASSES) + 1)] * len(CLASSES), "cross_entropy": None}
    labels = [CLASSES.index(u.emotion) for u in members]
    return part(labels, labels, [u.speaker for u in members], [u.id for u in members])


def recorded(fold, protocol, num_folds, **changes):
    """The record of a fold, its fingerprint as a job makes it."""
    fields = {field.name: None for field in dataclasses.fields(jobs.FoldJob)}
    test, valid = scored(fold.test), scored(fold.valid)
    given = {
        "variant": "mfcc",
        "corpus_variant": "ravdess/strong",
        "protocol": protocol,
        "fold": fold.name,
        "num_folds": num_folds,
        "counts": {name: {e: sum(u.emotion == e for u in p) for e in CLASSES} for name, p in fold.parts.items()},
        "fold_fingerprint": jobs.FoldJob(**(fields | {"fold": fold})).fold_fingerprint,
    }
    given = record(test, **(given | changes))
    confusion = [[given.counts["train"].get(e, 0), *[0] * len(CLASSES)] for e in CLASSES]
    train = {"confusion": confusion, "cross_entropy": None}
    return dataclasses.replace(given, parts={"train": train, "valid": valid, "test": test})


def export(tmp_path, *runs, options=()):
    for one in runs:
        records.write(one, root=tmp_path / "results")
    places = ["--results", str(tmp_path / "results"), "--into", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["export", *places, *options])
    assert result.exit_code == 0, result.output
    return result.output


def parts_of(folds):
    return [(f.name, {n: [(u.path.stem, u.speaker, u.emotion) for u in p] for n, p in f.parts.items()}) for f in folds]


def originals(folds):
    return [(f.name, {n: [(u.id, u.speaker, u.emotion) for u in p] for n, p in f.parts.items()}) for f in folds]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("protocol", "status", "word"), [("speaker_independent", 0, "WARN"), ("random", 1, "FAIL")])
def test_exported_folds_are_the_folds_and_the_audit_sees_what_they_are(tmp_path, protocol, status, word):
    folds = splits.folds(utterances(), protocol, 0)
    said = export(tmp_path, *(recorded(fold, protocol, len(folds)) for fold in folds))
    assert said.splitlines() == [f"{tmp_path / 'out'}: {len(folds)} folds, predictions of {len(folds)} records"]
    for form in ("folds", "audformat"):
        place = tmp_path / "out" / form / "ravdess-strong" / protocol / "seed_0"
        by_number = sorted(fold_files.read_fold_files(place).folds, key=lambda fold: int(fold.name.split("_")[1]))
        assert parts_of(by_number) == originals(folds)
        result = CliRunner().invoke(main, ["audit", "--all", str(place)])
        assert result.exit_code == status, result.output
        assert result.output.startswith(word)
        assert result.output.count("no audio for") == len(folds) if word == "WARN" else "speaker" in result.output


PIECES = ("{0}.wav", "{0}.wav.channel1@0.0-1.5", "{0}.wav.channel2@0.0-1.5", "{0}.wav@0.25-", "{0}.wav@1e-05-2.0")
IDS = {"ravdess": ("{0}",), "manifest:calls": ("{0}", "b/{0}@0.0-1.5", "b/{0}@1.5-2.25"), "audformat:db": PIECES}


def pieces(forms):
    """Utterances with ids as common/corpora/manifest makes them, and the channel and times that these say."""
    for u in utterances(each=4):
        for form in forms:
            name = form.format(u.id)
            file, channel, start, end = manifest.ID.fullmatch(name).groups()
            times = {"start_s": start and float(start), "end_s": end and float(end)}
            yield dataclasses.replace(u, id=name, path=Path("/data", file), channel=channel and int(channel), **times)


@pytest.mark.parametrize("protocol", ["speaker_independent", "random"])
@pytest.mark.parametrize(("corpus", "forms"), IDS.items(), ids=IDS)
def test_what_is_exported_comes_back_unchanged(tmp_path, corpus, forms, protocol):
    whole = Corpus(name=corpus, variant=corpus, utterances=tuple(sorted(pieces(forms), key=lambda u: u.id)))
    folds = (
        splits.PROTOCOLS[protocol](whole.utterances, 0)
        if protocol != "random"
        else splits.random(whole.utterances, num_folds=4, seed=0)
    )
    said = export(tmp_path, *(recorded(f, protocol, len(folds), corpus=corpus, corpus_variant=corpus) for f in folds))
    assert ("no audformat database" in said) == (forms == PIECES)  # two channels of one stretch have no such form
    for form in ("folds", "audformat") if forms != PIECES else ("folds",):
        (place,) = (tmp_path / "out" / form).glob(f"*/{protocol}/seed_0")
        given = user_folds.for_corpus(f"folds:{place}", whole)
        assert given.warnings == () and given.folds(whole.utterances, 0) == (folds, ())


def test_files_of_a_corpus_that_is_at_hand_have_their_folder_and_suffix_and_clean_folds_pass(tmp_path, monkeypatch):
    data = tmp_path / "data"
    lying = [dataclasses.replace(u, path=data / u.speaker / f"{u.id}.wav") for u in utterances()]
    for u in lying:
        u.path.parent.mkdir(parents=True, exist_ok=True)
        u.path.write_text(u.id)  # no two alike
    monkeypatch.setattr(corpora.places, "find", lambda *_: data)
    monkeypatch.setattr(corpora, "load", lambda *_: Corpus(name="ravdess", variant="ravdess", utterances=tuple(lying)))
    folds = splits.folds(utterances(), "speaker_independent", 0)
    export(tmp_path, *(recorded(f, "speaker_independent", len(folds)) for f in folds), options=["--data", str(data)])
    place = tmp_path / "out" / "folds" / "ravdess-strong" / "speaker_independent" / "seed_0"
    assert {row["file"] for row in rows(place / "fold_1_test.csv")} == {
        f"{u.speaker}/{u.id}.wav" for u in folds[0].test
    }
    audited = CliRunner().invoke(main, ["audit", str(place), "--audio", str(data)])
    assert (audited.exit_code, audited.output.split()[0]) == (0, "PASS"), audited.output


def test_a_synthetic_corpus_in_the_same_layout_hides_no_file(tmp_path, monkeypatch):
    lying = [dataclasses.replace(u, path=tmp_path / "data" / f"{u.id}.wav") for u in utterances()]
    monkeypatch.setattr(corpora.places, "find", lambda *_: tmp_path / "data")
    monkeypatch.setattr(corpora, "load", lambda *_: Corpus(name="ravdess", variant="ravdess", utterances=tuple(lying)))
    folds = splits.folds(utterances(), "speaker_independent", 0)
    imitated = {"corpus": "ravdess-synthetic", "corpus_variant": "ravdess-synthetic/strong", "corpus_fingerprint": "s"}
    runs = [recorded(f, "speaker_independent", len(folds), **more) for more in ({}, imitated) for f in folds]
    export(tmp_path, *runs, options=["--data", "data"])
    names = {"ravdess-strong": ".wav", "ravdess-synthetic-strong": ""}
    for corpus, suffix in names.items():
        (path,) = (tmp_path / "out" / "folds" / corpus).rglob("fold_1_test.csv")
        assert {row["file"] for row in rows(path)} == {f"{u.id}{suffix}" for u in folds[0].test}


def test_folds_that_systems_share_are_written_once_and_others_of_the_same_name_are_named(tmp_path):
    one, other = splits.folds(utterances(), "speaker_independent", 0)[:2]
    said = export(
        tmp_path,
        recorded(one, "speaker_independent", 6),
        recorded(one, "speaker_independent", 6, variant="own_cnn"),
        recorded(dataclasses.replace(other, name="fold_1"), "speaker_independent", 6, variant="resnet50"),
    )
    assert ": 1 folds, predictions of 3 records" in said
    assert "resnet50/ravdess-strong/speaker_independent-paper/seed_0/fold_1: other utterances" in said
    assert len(list((tmp_path / "out" / "predictions").rglob("fold_1.csv"))) == 3
    kept = rows(tmp_path / "out" / "folds" / "ravdess-strong" / "speaker_independent" / "seed_0" / "fold_1_test.csv")
    assert [row["file"] for row in kept] == [u.id for u in one.test]


def test_a_papers_own_fold_is_completed_from_other_records_or_left_without_its_training_part(tmp_path):
    everyone = utterances()
    (own,) = splits.per_class(everyone, train=0.6, valid=0.2, seed=0)
    said = export(tmp_path, recorded(own, "paper", 1))
    place = tmp_path / "out" / "folds" / "ravdess-strong" / "paper_emmert" / "seed_0"
    assert "emmert/mfcc/ravdess-strong/paper-paper/seed_0/fold_1: its training part is left out" in said
    assert sorted(path.name for path in place.iterdir()) == ["fold_1_dev.csv", "fold_1_test.csv"]
    shared = splits.folds(everyone, "speaker_independent", 0)
    assert "left out" not in export(tmp_path, *(recorded(f, "speaker_independent", 6) for f in shared))
    assert parts_of(fold_files.read_fold_files(place).folds) == originals([own])


def test_a_recording_that_was_taken_out_of_training_is_not_put_back(tmp_path):
    folds = splits.folds(utterances(), "random", 0)
    twins = {u.id: u.id for u in utterances()} | {folds[0].train[3].id: folds[0].test[0].id}
    without = leakage.without_duplicates(folds[0], twins)
    assert len(without.train) == len(folds[0].train) - 1
    runs = [recorded(fold, "random", len(folds)) for fold in (without, *folds[1:])]
    assert "left out" not in export(tmp_path, *runs)
    place = tmp_path / "out" / "folds" / "ravdess-strong" / "random" / "seed_0"
    assert parts_of(fold_files.read_fold_files(place).folds)[0] == originals([without])[0]


def test_segments_of_a_leaky_protocol_name_their_file_and_fail_the_audit(tmp_path):
    pieces = [
        Utterance(id=f"{u.id}#{n}", path=u.path, emotion=u.emotion, speaker=u.speaker)
        for u in utterances(each=2)
        for n in range(2)
    ]
    halves = [tuple(p for p in pieces if p.id.endswith(end)) for end in ("#0", "#1")]
    folds = [Fold("fold_1", halves[0], (), halves[1]), Fold("fold_2", halves[1], (), halves[0])]
    runs = [recorded(fold, "leaky_segments", 2, paper="lim2016", variant="cnn") for fold in folds]
    said = export(tmp_path, *runs)
    assert "no audformat database" in said
    place = tmp_path / "out" / "folds" / "ravdess-strong" / "leaky_segments_lim2016_cnn" / "seed_0"
    assert rows(place / "fold_1_train.csv")[0] == {
        **{"file": "s0-anger-0", "emotion": "anger", "speaker": "s0", "key": "s0-anger-0#0"}
    }
    result = CliRunner().invoke(main, ["audit", str(place)])
    assert result.exit_code == 1 and "FAIL fold_1 file: segments of 24 files in train and test" in result.output


def test_stretches_of_a_users_files_are_an_audformat_table_with_times(tmp_path):
    """The expected text is what audformat 1.4.3 itself wrote for this table."""
    names = {"train": "a", "valid": "a@0.0-1.5", "test": "b@1.5-2.5"}
    parts = {
        name: (Utterance(id=i, path=f"{i}.wav", emotion=CLASSES[name == "test"], speaker=str(n)),)
        for n, (name, i) in enumerate(names.items(), start=1)
    }
    fold, other = Fold("fold_1", **parts), Fold("fold_2", parts["test"], parts["valid"], parts["train"])
    changes = {"corpus": "manifest:calls", "corpus_variant": "manifest:calls"}
    export(tmp_path, *(recorded(f, "speaker_independent", 2, **changes) for f in (fold, other)))
    place = tmp_path / "out" / "audformat" / "manifest-calls" / "speaker_independent" / "seed_0"
    lines = {
        "train": "a,0 days 00:00:00.000000,,anger,1",
        "dev": "a,0 days 00:00:00.000000,0 days 00:00:01.500000,anger,2",
        "test": "b,0 days 00:00:01.500000,0 days 00:00:02.500000,sadness,3",
    }
    header = json.loads((place / "db.yaml").read_text())
    for split, line in lines.items():
        written = (place / f"db.fold_1.{split}.csv").read_text().splitlines()
        assert written == ["file,start,end,emotion,speaker", line]
        described = header["tables"][f"fold_1.{split}"]
        assert (described["type"], described["split_id"]) == ("segmented", split)
    assert header["schemes"]["emotion"] == {"dtype": "str", "labels": ["anger", "sadness"]}
    (test,) = fold_files.read_fold_files(tmp_path / "out" / "folds").folds[0].test
    assert (test.path.name, test.start_s, test.end_s) == ("b", 1.5, 2.5)


CHANNELS = {"train": ("b.channel1@0.5-", "db/call.wav.channel2"), "valid": ("a@0.0-1.5",), "test": ("c.channel1",)}


def channelled(names):
    """Two folds, of which each has the other's training part as its test part."""
    count = itertools.count(1)
    parts = {
        name: tuple(
            Utterance(id=i, path=f"{i}.wav", emotion=CLASSES[name == "test"], speaker=str(next(count))) for i in ids
        )
        for name, ids in names.items()
    }
    return Fold("fold_1", **parts), Fold("fold_2", parts["test"], parts["valid"], parts["train"])


@pytest.mark.parametrize("corpus", ["manifest:calls", "audformat:ours"])
def test_channels_and_stretches_of_a_users_files_are_columns(tmp_path, corpus):
    changes = {"corpus": corpus, "corpus_variant": corpus}
    export(tmp_path, *(recorded(f, "speaker_independent", 2, **changes) for f in channelled(CHANNELS)))
    (place,) = (path.parent for path in (tmp_path / "out" / "folds").rglob("fold_1_train.csv"))
    assert (place / "fold_1_train.csv").read_text().splitlines() == [
        "file,start,emotion,speaker,channel",
        "b,0 days 00:00:00.500000,anger,1,1",
        "db/call.wav,,anger,2,2",
    ]
    assert (place / "fold_1_dev.csv").read_text().splitlines() == [
        "file,start,end,emotion,speaker",
        "a,0 days 00:00:00.000000,0 days 00:00:01.500000,anger,3",
    ]
    (table,) = (tmp_path / "out" / "audformat").rglob("db.fold_1.train.csv")
    header = json.loads(table.with_name("db.yaml").read_text())
    assert header["schemes"]["channel"] == {"dtype": "int"}
    assert rows(table)[1] == {
        **{"file": "db/call.wav", "start": "0 days 00:00:00.000000", "end": "", "emotion": "anger", "speaker": "2"},
        **{"channel": "2"},
    }
    assert set(header["tables"]["fold_1.train"]["columns"]) == set(rows(table)[0]) - {"file", "start", "end"}
    first = fold_files.read_fold_files(place).folds[0].train
    assert {(u.path.as_posix(), u.channel, u.start_s) for u in first} == {("db/call.wav", 2, None), ("b", 1, 0.5)}


def test_two_channels_of_one_file_are_two_utterances_of_a_fold_and_no_audformat_table(tmp_path):
    names = {"train": ("a.channel1", "a.channel2"), "valid": ("b",), "test": ("c.channel1",)}
    changes = {"corpus": "manifest:calls", "corpus_variant": "manifest:calls"}
    said = export(tmp_path, *(recorded(f, "speaker_independent", 2, **changes) for f in channelled(names)))
    assert "no audformat database" in said and not list((tmp_path / "out" / "audformat").rglob("*.yaml"))
    train = fold_files.read_fold_files(tmp_path / "out" / "folds").folds[0].train
    assert [(u.id, u.channel) for u in train] == [("a.channel1", 1), ("a.channel2", 2)]


def test_a_name_with_an_at_sign_of_a_built_in_corpus_stays_as_it_is(tmp_path):
    names = {"train": ("x@1.0-2.0", "y"), "valid": ("z.channel2",), "test": ("w",)}
    export(tmp_path, *(recorded(f, "speaker_independent", 2) for f in channelled(names)))
    (path,) = (tmp_path / "out" / "folds").rglob("fold_1_train.csv")
    assert [row["file"] for row in rows(path)] == ["x@1.0-2.0", "y"]


def test_predictions_are_those_of_the_record_for_every_part_and_rule(tmp_path):
    test = part([0, 1, 1], [0, 0, -1], ["x", "y", "z"], ["u0", "u1", "u2"])
    test["scores"] = {"beam": [[1e-9, 0.0], [0.25, 0.0], [0.0, 0.0]], "mean": [[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]]}
    run = record(test, recipe={"test_front_ends": [["noise_0db", {"noise": "noise", "snr_db": 0.0}]]})
    run = dataclasses.replace(run, parts=run.parts | {"test:noise_0db": test})
    export(tmp_path, run)
    place = tmp_path / "out" / "predictions"
    (path,) = place.rglob("*.csv")
    assert path.relative_to(place).as_posix() == "emmert/mfcc/ravdess-strong/paper-paper/seed_0/fold_1.csv"
    exported = rows(path)
    assert [row["part"] for row in exported] == ["valid"] * 6 + ["test"] * 6 + ["test:noise_0db"] * 6
    assert exported[6] == {
        **{"utterance": "u0", "speaker": "x", "emotion": "anger", "part": "test", "rule": "beam", "decision": "anger"},
        **{"anger": "1e-09", "sadness": "0.0"},
    }
    assert [row["decision"] for row in exported[6:12]] == [
        *("anger", "anger", "no decision", "anger", "sadness", "anger"),
    ]


def test_no_records_is_one_sentence_and_nothing_heavy_is_imported(tmp_path, monkeypatch):
    monkeypatch.delenv("SER_DATA", raising=False)  # corpora at hand are read
    result = CliRunner().invoke(main, ["export", "--results", str(tmp_path), "--into", str(tmp_path / "out")])
    assert result.exit_code == 2 and "has no records" in result.output
    folds = splits.folds(utterances(), "speaker_independent", 0)
    export(tmp_path, *(recorded(fold, "speaker_independent", len(folds)) for fold in folds))
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    code = (
        "import sys; from experiments.__main__ import main\n"
        "main(['export', '--results', sys.argv[1], '--into', sys.argv[2]], standalone_mode=False)\n"
        "assert not {'tensorflow', 'keras', 'librosa', 'soundfile', 'papers'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "results"), str(tmp_path / "out")],
        **{"capture_output": True, "text": True, "timeout": 120},
    )
    assert done.returncode == 0, done.stderr
    assert len(before) > 20
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
