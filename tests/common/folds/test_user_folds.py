"""A user's own folds on a corpus: found again in every form, held to the audit, named by what they are."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from common.corpora import manifest
from common.errors import InputError
from common.folds import splits, user_folds
from common.utterance import Corpus, Utterance

CLASSES = ("anger", "sadness")


def corpus_of(utterances, name="ravdess"):
    return Corpus(name=name, variant=name, utterances=tuple(sorted(utterances, key=lambda u: u.id)))


def spoken(speakers="abcdefgh"):
    """A recording of every speaker and class, in a folder a speaker."""
    return corpus_of(
        Utterance(id=f"{s}-{e}", path=Path(f"/data/wav/{s}/{s}-{e}.wav"), emotion=e, speaker=s)
        for s in speakers
        for e in CLASSES
    )


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row(utterance, file, **more):
    return {"file": file, "emotion": utterance.emotion, "speaker": utterance.speaker, **more}


FORMS = {
    "stem": lambda u: u.id,
    "file name": lambda u: f"{u.id}.wav",
    "below the root": lambda u: f"{u.speaker}/{u.id}.flac",
    "another root": lambda u: f"C:\\corpora\\wav\\{u.speaker}\\{u.id.upper()}.WAV",
    "absolute": lambda u: u.path.as_posix(),
}


@pytest.mark.parametrize("named", FORMS.values(), ids=FORMS)
def test_rows_are_found_in_the_corpus_however_they_name_its_files(tmp_path, named):
    corpus = spoken()
    folds = splits.folds(corpus, "speaker_independent", 0)
    for fold in folds:
        for part, members in fold.parts.items():
            write(tmp_path / "lists" / f"{fold.name}_{part}.csv", [row(u, named(u)) for u in members])
    given = user_folds.for_corpus(f"folds:{tmp_path / 'lists'}", corpus)
    assert given.folds(corpus.utterances, 0) == (folds, ())
    assert given.warnings == () and given.protocol.startswith("folds-lists-")
    assert given.protocol == user_folds.for_corpus(f"folds:{tmp_path / 'lists'}", spoken()).protocol


def test_equal_names_in_a_folder_a_speaker_are_told_apart_and_stretches_by_their_times(tmp_path):
    def utterance(speaker, number, start, end, channel):
        stretch = f".channel{channel}@{start}-{end}"
        name = f"{speaker}/a{number}.wav{stretch}"
        path = Path(f"/savee/{speaker}/a{number}.wav")
        times = {"start_s": start, "end_s": end, "channel": channel}
        return Utterance(id=name, path=path, emotion=CLASSES[number], speaker=speaker, **times)

    corpus = corpus_of(
        utterance(s, n, float(t), t + 1.0, c) for s in "xyz" for n in (0, 1) for t in (0, 2) for c in (1, 2)
    )
    parts = {"train": "x", "valid": "y", "test": "z"}
    for part, speaker in parts.items():
        rows = [
            row(u, f"{u.speaker}/{u.path.name}", start=f"0 days 00:00:0{u.start_s:.6f}", end=u.end_s, channel=u.channel)
            for u in corpus.utterances
            if u.speaker == speaker
        ]
        write(tmp_path / f"{part}.csv", rows)
    ((fold,), _) = user_folds.for_corpus(f"folds:{tmp_path}", corpus).folds(corpus.utterances, 0)
    assert {part: {u.speaker for u in members} for part, members in fold.parts.items()} == {
        part: {speaker} for part, speaker in parts.items()
    }
    assert [len(part) for part in fold.parts.values()] == [8, 8, 8]


def test_emobox_as_published_gives_its_test_speakers_and_validation_speakers_of_training(tmp_path):
    """The test speakers are EmoBox's own (splits.EMOBOX_RAVDESS); its rows name channel 1 of mono recordings."""
    actors = [f"{n:02d}" for n in range(1, 25)]
    stems = {f"03-01-{e}-01-01-01-{a}": (a, name) for a in actors for e, name in (("05", "anger"), ("04", "sadness"))}
    corpus = corpus_of(Utterance(id=s, path=Path(f"{s}.wav"), emotion=e, speaker=a) for s, (a, e) in stems.items())
    for number, tested in enumerate(splits.EMOBOX_RAVDESS, start=1):
        for part in ("train", "test"):
            rows = [
                {
                    "key": f"ravdess-{s}",
                    "dataset": "ravdess",
                    "wav": f"downloads/ravdess/Actor_{a}/{s}.wav",
                    "channel": 1,
                }
                | {"emo": {"anger": "Angry", "sadness": "Sad"}[e]}
                for s, (a, e) in stems.items()
                if (a in tested) == (part == "test")
            ]
            path = tmp_path / "ravdess" / f"fold_{number}" / f"ravdess_{part}_fold_{number}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    given = user_folds.for_corpus(f"folds:{tmp_path / 'ravdess'}", corpus)
    folds, (drawn,) = given.folds(corpus.utterances, 0)
    assert given.warnings == () and "6 of 6 folds without a validation part" in drawn
    for fold, tested in zip(folds, splits.EMOBOX_RAVDESS, strict=True):
        speakers = {part: {u.speaker for u in members} for part, members in fold.parts.items()}
        assert speakers["test"] == set(tested)
        assert speakers["train"] | speakers["valid"] == set(actors) - set(tested)
        assert not speakers["train"] & speakers["valid"] and 3 <= len(speakers["valid"]) <= 4


def test_no_class_of_the_training_part_is_lost_to_validation():
    """Speaker d alone is sad: whichever group of speakers validates, d trains."""
    corpus = spoken("abc")
    extra = Utterance(id="d", path=Path("d.wav"), emotion="fear", speaker="d")
    corpus = corpus_of([*corpus.utterances, extra])
    ids = {"train": frozenset(u.id for u in corpus.utterances if u.speaker != "a"), "valid": frozenset()}
    given = user_folds.UserFolds("folds-x-0", (ids | {"test": frozenset(["a-anger"])},), ())
    for seed in range(5):
        ((fold,), _) = given.folds(corpus.utterances, seed)
        assert fold.valid and {u.emotion for u in fold.train} == {"anger", "fear", "sadness"}
    two = user_folds.UserFolds(
        "folds-x-0", ({"train": frozenset(["b-anger"]), **dict.fromkeys(("valid", "test"), frozenset())},), ()
    )
    ((fold,), drawn) = two.folds(corpus.utterances, 0)
    assert (fold.valid, drawn) == ((), ())  # one speaker cannot be divided


def test_what_is_not_in_the_corpus_or_in_no_fold_or_labelled_otherwise_is_said(tmp_path):
    corpus = spoken("abc")
    sides = {"a": "train", "b": "valid", "c": "test"}
    rows = [row(u, u.id, split=sides[u.speaker], fold="7") for u in corpus.utterances]
    rows[0]["emotion"] = "joy"
    write(tmp_path / "x.csv", [*rows[:-1], rows[0] | {"file": "elsewhere.wav"}])
    given = user_folds.for_corpus(f"folds:{tmp_path / 'x.csv'}", corpus)
    assert given.warnings == (
        "fold_7: renamed fold_1",
        "1 of 6 recordings in the fold files are not in ravdess and are left out: elsewhere.wav",
        "1 of 6 utterances are in no fold: c-sadness",
        "the fold files have another emotion than the corpus for 1 utterances; that of the corpus is used: a-anger",
    )
    write(tmp_path / "x.csv", [rows[0] | {"file": "elsewhere.wav"}])
    with pytest.raises(InputError, match="none of its 1 recordings, such as elsewhere.wav, is in ravdess; .* --corpus"):
        user_folds.for_corpus(f"folds:{tmp_path / 'x.csv'}", corpus)


@pytest.mark.parametrize("columns", ["split", "fold", "split,fold"])
def test_columns_of_the_corpuss_own_table_say_the_same_as_its_file_named_as_folds(tmp_path, plant, columns):
    split = {"a": "train", "b": "train", "c": "dev", "d": "test"}
    rows = []
    for number, (speaker, part) in enumerate(split.items()):
        for emotion in CLASSES:
            plant(tmp_path / f"{speaker}-{emotion}.wav")
            cells = {"split": part, "fold": number // 2}
            wanted = {name: cells[name] for name in columns.split(",")}
            rows.append({"file": f"{speaker}-{emotion}.wav", "emotion": emotion, "speaker": speaker, **wanted})
    write(tmp_path / "calls.csv", rows)
    corpus = manifest.load(tmp_path / "calls.csv")
    own = user_folds.for_corpus("folds", corpus)
    named = user_folds.for_corpus(f"folds:{tmp_path / 'calls.csv'}", corpus)
    assert own == dataclasses.replace(named, warnings=own.warnings)
    tested = [sorted({name[0] for name in parts["test"]}) for parts in own.parts]
    assert tested == {"split": [["d"]], "fold": [["a", "b"], ["c", "d"]], "split,fold": [[], ["d"]]}[columns]
    with pytest.raises(InputError, match="no column split or fold"):
        user_folds.for_corpus("folds", spoken())


def test_other_folds_have_another_name_and_the_name_is_that_of_a_file(tmp_path):
    names, corpus = set(), spoken("abc")
    for tested in "abc":
        place = tmp_path / tested / 'my "lists": übung'
        for part in ("train", "test"):
            write(
                place / f"{part}.csv",
                [row(u, u.id) for u in corpus.utterances if (u.speaker == tested) == (part == "test")],
            )
        names.add(user_folds.for_corpus(f"folds:{place}", corpus).protocol)
    assert len(names) == 3 and all(name.startswith("folds-my_lists_bung-") for name in names)


def test_two_files_with_a_plus_between_them_are_one_fold_and_lists_alone_are_a_corpus(tmp_path, plant):
    corpus = spoken("abc")
    for part, speakers in (("train", "ab"), ("test", "c")):
        members = [u for u in corpus.utterances if u.speaker in speakers]
        plant(*(tmp_path / "wav" / f"{u.id}.wav" for u in members))
        write(tmp_path / "lists" / f"{part}.csv", [row(u, f"../wav/{u.id}.wav") for u in members])
    protocol = "folds:" + "+".join(str(tmp_path / "lists" / f"{part}.csv") for part in ("train", "test"))
    alone = user_folds.corpus(protocol)
    assert [(u.id, u.speaker, u.emotion) for u in alone.utterances] == [
        (u.id, u.speaker, u.emotion) for u in corpus.utterances
    ]
    assert alone.variant == "folds:lists"
    given = user_folds.for_corpus(protocol, alone)
    assert given == user_folds.for_corpus(f"folds:{tmp_path / 'lists'}", corpus)
    (tmp_path / "wav" / "a-anger.wav").unlink()
    with pytest.raises(InputError, match="1 of 6 recordings are not found: .*a-anger.wav; .*--corpus.*--data"):
        user_folds.corpus(protocol)
