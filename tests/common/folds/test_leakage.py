import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from common.errors import InputError
from common.folds import fold_files, leakage
from common.utterance import Fold, Utterance
from experiments.runs import audit


def utterance(name, *, emotion="anger", speaker=None, path=None, **fields):
    return Utterance(id=name, path=Path(path or f"{name}.wav"), emotion=emotion, speaker=speaker or name[:1], **fields)


def pair(speaker, **fields):
    return tuple(utterance(f"{speaker}_{emotion}", emotion=emotion, **fields) for emotion in ("anger", "sadness"))


@pytest.fixture
def clean():
    return Fold("fold_1", train=pair("a") + pair("b"), valid=pair("c"), test=pair("d"))


def findings_of(*folds, speaker_independent=True, **options):
    """(level, kind, count) of every finding."""
    findings = leakage.audit(folds, speaker_independent=speaker_independent, **options)
    return [(f.level, f.kind, f.count) for f in findings]


def broken(fold, **parts):
    return dataclasses.replace(fold, **parts)


# --------------------------------------------------------------------------------------------------- the audit


def test_a_clean_fold_has_no_findings(clean):
    assert findings_of(clean) == []
    assert leakage.check([clean], speaker_independent=True) == []


def test_an_utterance_on_two_sides(clean):
    fold = broken(clean, test=clean.test + clean.train[:1])
    assert findings_of(fold) == [("FAIL", "utterance", 1), ("FAIL", "speaker", 1)]
    assert findings_of(fold, speaker_independent=False) == [("FAIL", "utterance", 1), ("WARN", "speaker", 1)]


def test_the_test_part_in_selection_is_called_that(clean):
    fold = broken(clean, valid=clean.test)
    first = leakage.audit([fold], speaker_independent=True)[0]
    assert (first.level, first.kind, first.count) == ("FAIL", "utterance", 2)
    assert "the test part is used for selection" in first.message


@pytest.mark.parametrize("times", [((0.0, 2.0), (1.0, 3.0)), ((0.0, 2.0), (2.0, 3.0))])  # overlapping or not
def test_segments_of_one_file_on_two_sides(times, clean):
    (start, end), (start_2, end_2) = times
    train = utterance("e_1", path="e.wav", start_s=start, end_s=end)
    test = utterance("f_1", path="e.wav", start_s=start_2, end_s=end_2)
    fold = broken(clean, train=(*clean.train, train), test=(*clean.test, test))
    assert findings_of(fold) == [("FAIL", "file", 1)]


def test_the_same_audio_under_two_names(clean):
    own = {u.id: u.id for part in clean.parts.values() for u in part}
    hashes = own | {"a_anger": "0f", "d_sadness": "0f"}
    assert findings_of(clean, audio_hashes=hashes) == [("FAIL", "audio", 1)]
    (finding,) = leakage.audit([clean], speaker_independent=True, audio_hashes=hashes)
    assert "a_anger is d_sadness" in finding.message
    assert findings_of(clean, audio_hashes=own | {"a_anger": "0f", "a_sadness": "0f"}) == []  # on one side


def test_a_shared_speaker_fails_only_where_independence_is_claimed(clean):
    fold = broken(clean, test=(*clean.test, utterance("z", speaker="a"), utterance("y", speaker="b")))
    assert findings_of(fold) == [("FAIL", "speaker", 2)]
    (finding,) = leakage.audit([fold], speaker_independent=False)
    assert str(finding) == "WARN fold_1 speaker: 2 of 3 speakers in test also in train: a, b"


def test_shared_sentences_are_numbers_not_a_failure():
    parts = {
        part: tuple(utterance(f"{speaker}{text}", speaker=speaker, text_id=f"a{text:02d}") for text in range(10))
        for part, speaker in (("train", "a"), ("valid", "b"), ("test", "c"))
    }
    findings = leakage.audit([Fold("fold_1", **parts)], speaker_independent=True)
    assert [f.level for f in findings] == ["WARN"] * 3
    assert "10 of 10 sentences in test also in train" in [f.message for f in findings]


@pytest.mark.parametrize(("part", "level"), [("train", "FAIL"), ("test", "FAIL"), ("valid", "WARN")])
def test_an_empty_part(part, level, clean):
    assert (level, "empty", 0) in findings_of(broken(clean, **{part: ()}))


def test_a_class_that_training_lacks(clean):
    fold = broken(clean, test=(*clean.test, utterance("d_fear", emotion="fear")))
    assert findings_of(fold) == [("FAIL", "class", 1)]
    fold = broken(clean, valid=clean.valid[:1])
    assert findings_of(fold) == [("WARN", "class", 1)]


def test_unknown_speakers_and_repeated_utterances_are_warned_about(clean):
    nameless = [dataclasses.replace(u, speaker="") for u in clean.train]
    assert findings_of(broken(clean, train=tuple(nameless))) == [("WARN", "speaker_unknown", 4)]
    assert findings_of(broken(clean, train=clean.train + clean.train[:1])) == [("WARN", "repeated", 1)]
    second = Fold("fold_2", train=clean.train, valid=clean.valid, test=clean.test)
    (finding,) = leakage.audit([clean, second], speaker_independent=True)
    assert (finding.level, finding.fold, finding.count) == ("WARN", "fold_1,fold_2", 2)


def test_check_raises_with_the_first_failures(clean):
    fold = broken(clean, test=clean.train, valid=clean.train)
    with pytest.raises(InputError, match=r"^these folds are not fit to train on: fold_1: .*\(and \d+ more\)$"):
        leakage.check([fold], speaker_independent=True)


def test_without_duplicates_leaves_the_test_part_and_passes_the_audit(clean):
    hashes = {u.id: u.id for part in clean.parts.values() for u in part}
    hashes |= {"a_anger": "d_anger", "b_anger": "c_anger"}  # train's copies of a test and of a validation recording
    assert ("FAIL", "audio", 1) in findings_of(clean, audio_hashes=hashes)
    repaired = leakage.without_duplicates(clean, hashes)
    assert [u.id for u in repaired.train] == ["a_sadness", "b_sadness"]
    assert (repaired.valid, repaired.test) == (clean.valid, clean.test)
    assert not [f for f in findings_of(repaired, audio_hashes=hashes) if f[1] == "audio"]


# ----------------------------------------------------------------------------------------------- fold files


SPLIT, FOLD = "file,speaker,emotion,split", "file,speaker,emotion,fold"


def write_csv(path, rows, columns="file,speaker,emotion", end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [columns, *(",".join(row) for row in rows)]
    path.write_bytes(end.join(lines).encode("utf-8") + end.encode())


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def emobox_row(corpus, stem, emotion):
    """A line of EmoBox's form; keys and folder as in data/<corpus>/fold_k/."""
    wav = f"downloads/{corpus}/wav/{stem}.wav"
    fields = {"type": "raw", "sample_rate": 16000, "num_frame": 3.0, "task": "category", "length": 2.1, "channel": 1}
    return {"key": f"{corpus}-{stem}", "dataset": corpus, "wav": wav, "emo": emotion, **fields}


def test_audformat_parts_per_fold(tmp_path):
    for k, (train, valid, test) in enumerate(("abc", "bca"), start=1):
        for name, speaker in (("train", train), ("dev", valid), ("test", test)):
            rows = [(f"wav/{speaker}{i}.wav", speaker, ("anger", "sadness")[i]) for i in range(2)]
            write_csv(tmp_path / f"fold_{k}_{name}.csv", rows)
    folds = fold_files.read_fold_files(tmp_path).folds
    assert [fold.name for fold in folds] == ["fold_1", "fold_2"]
    assert [{u.speaker for u in fold.test} for fold in folds] == [{"c"}, {"a"}]
    assert [{u.speaker for u in fold.valid} for fold in folds] == [{"b"}, {"c"}]
    assert findings_of(*folds) == []


def test_a_folder_of_each_fold_windows_line_ends_bom_and_names(tmp_path):
    for name, speaker in (("train", "ä"), ("validation", "b"), ("test", "c")):
        path = tmp_path / "fold3" / f"{name}.csv"
        write_csv(path, [(f"wav/{speaker}.wav", speaker, "anger")], end="\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert (fold.name, fold.train[0].speaker, fold.train[0].path) == ("fold_3", "ä", Path("wav/ä.wav"))
    (same,) = fold_files.read_fold_files(tmp_path / "fold3").folds
    assert same == fold


def test_segments_in_audformats_times_and_in_seconds(tmp_path):
    columns = "file,start,end,speaker,emotion"
    times = [("0 days 00:00:00", "0 days 00:00:01.500000"), ("0:01:01.5", "NaT"), ("2.5", "3")]
    rows = [("wav/a.wav", start, end, "a", "anger") for start, end in times]
    write_csv(tmp_path / "train.csv", rows, columns)
    write_csv(tmp_path / "test.csv", [("wav/a.wav", "4", "5", "a", "anger")], columns)
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert sorted((u.start_s, u.end_s) for u in fold.train) == [(0.0, 1.5), (2.5, 3.0), (61.5, None)]
    assert ("FAIL", "file", 1) in findings_of(fold)


def test_nkululekos_lists_and_the_whole_corpus_beside_them(tmp_path):
    columns = "file,speaker,gender,emotion"
    rows = {"train": [("./wav/f1.wav", "1", "female", "ang")], "test": [("./wav/f2.wav", "2", "female", "ang")]}
    for name, members in rows.items():
        write_csv(tmp_path / f"jtes_{name}.csv", members, columns)
    write_csv(tmp_path / "jtes.csv", rows["train"] + rows["test"], columns)
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert [len(part) for part in fold.parts.values()] == [1, 0, 1]
    assert fold.train[0].gender == "female" and fold.train[0].path == Path("wav/f1.wav")
    assert findings_of(fold) == [("WARN", "empty", 0)]


def test_nkululekos_export_has_a_column_split(tmp_path):
    columns = "file,start,end,speaker,gender,emotion,split"
    whole = ("0 days 00:00:00", "0 days 00:00:02")
    rows = [("a.wav", *whole, "1", "male", "anger", "train"), ("b.wav", *whole, "1", "male", "anger", "test")]
    write_csv(tmp_path / "export.csv", rows, columns)
    (fold,) = fold_files.read_fold_files(tmp_path / "export.csv").folds
    assert findings_of(fold) == [("FAIL", "speaker", 1), ("WARN", "empty", 0)]
    write_csv(tmp_path / "export.csv", [(*rows[0][:-1], "devtest")], columns)
    with pytest.raises(InputError, match="line 2: split is 'devtest', expected train, valid or test"):
        fold_files.read_fold_files(tmp_path)


@pytest.mark.parametrize("form", ["{0}_{1}_fold_1.jsonl", "{0}_{1}_fold1.jsonl"])
def test_emobox_speaker_dependent_folds_fail(form, tmp_path):
    """EmoBox's EmoDB folds have all ten speakers on both sides; the speaker is in the file's name alone."""
    train = [emobox_row("emodb", f"{s}a01Wa", "anger") for s in ("03", "08", "09")]
    test = [emobox_row("emodb", f"{s}a02Wa", "anger") for s in ("03", "08", "09")]
    for name, rows in (("train", train), ("test", test)):
        write_jsonl(tmp_path / "emodb" / "fold_1" / form.format("emodb", name), rows)
    write_jsonl(tmp_path / "emodb" / "emodb.jsonl", train + test)
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert (fold.name, fold.test[0].id, fold.test[0].text_id) == ("fold_1", "emodb-03a02Wa", "a02")
    assert findings_of(fold) == [("FAIL", "speaker", 3), ("WARN", "empty", 0)]


def test_a_line_ends_where_json_and_csv_say(tmp_path):
    line = {"file": "a.wav", "emotion": "anger", "speaker": "1", "text": "one\u2028two"}
    (tmp_path / "fold_1_train.jsonl").write_text(json.dumps(line, ensure_ascii=False) + "\r\n", encoding="utf-8")
    (tmp_path / "fold_1_test.csv").write_text('file,emotion,speaker,said\nb.wav,anger,2,"one\ntwo"\nc.wav,anger,3,x\n')
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert [u.speaker for u in fold.train] == ["1"]
    assert [u.speaker for u in fold.test] == ["2", "3"]


def test_emobox_clean_folds_pass(tmp_path):
    names = {
        "ravdess": ("03-01-05-01-02-01-16", "03-01-05-01-01-01-12", "Angry"),
        "iemocap": ("Ses01F_impro04_M001", "Ses02F_impro04_F001", "ang"),
    }
    for corpus, (train, test, emotion) in names.items():
        for side, stem in (("train", train), ("test", test)):
            path = tmp_path / corpus / "fold_2" / f"{corpus}_{side}_fold_2.jsonl"
            write_jsonl(path, [emobox_row(corpus, stem, emotion)])
    iemocap, ravdess = fold_files.read_fold_files(tmp_path).folds
    assert (iemocap.name, ravdess.name) == ("iemocap/fold_2", "ravdess/fold_2")
    assert (iemocap.train[0].speaker, iemocap.test[0].speaker) == ("Ses01_M", "Ses02_F")
    assert (ravdess.train[0].speaker, ravdess.train[0].text_id) == ("16", "02")
    assert findings_of(iemocap, ravdess) == [("WARN", "empty", 0)] * 2


def test_emoboxs_older_keys_and_speakers_that_nothing_tells(tmp_path):
    row = {"key": "aesdd-a1", "dataset": "aesdd", "audio": "downloads/aesdd/a1.wav", "label": "anger"}
    write_jsonl(tmp_path / "aesdd_train_fold_1.jsonl", [row])
    write_jsonl(tmp_path / "aesdd_test_fold_1.jsonl", [row | {"key": "aesdd-a2", "audio": "downloads/aesdd/a2.wav"}])
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert findings_of(fold) == [("WARN", "empty", 0), ("WARN", "speaker_unknown", 2)]


def test_duplicate_audio_is_found_by_its_bytes(tmp_path, plant):
    plant(tmp_path / "wav" / "a.wav")
    shutil.copy(tmp_path / "wav" / "a.wav", tmp_path / "wav" / "b.wav")
    write_csv(tmp_path / "train.csv", [("wav/a.wav", "a", "anger"), ("wav/gone.wav", "a", "anger")])
    write_csv(tmp_path / "test.csv", [("wav/b.wav", "b", "anger")])
    folds = fold_files.read_fold_files(tmp_path).folds
    hashes = fold_files.hash_audio(folds)
    assert len(hashes) == 2 and len(set(hashes.values())) == 1
    assert ("FAIL", "audio", 1) in findings_of(*folds, audio_hashes=hashes)
    elsewhere = tmp_path / "lists"
    for name in ("train.csv", "test.csv"):
        elsewhere.mkdir(exist_ok=True)
        shutil.move(tmp_path / name, elsewhere / name)
    folds = fold_files.read_fold_files(elsewhere).folds
    assert fold_files.hash_audio(folds) == {}
    assert ("WARN", "audio_unknown", 3) in findings_of(*folds, audio_hashes={})
    assert "audio_unknown" not in {kind for _, kind, _ in findings_of(*folds)}
    assert fold_files.hash_audio(fold_files.read_fold_files(elsewhere, audio_root=tmp_path).folds) == hashes


def test_duplicate_audio_is_found_in_another_container(tmp_path):
    tone = (16_000 * np.sin(np.arange(8_000) / 9)).astype("int16")
    soundfile.write(tmp_path / "a.wav", tone, 16_000)
    soundfile.write(tmp_path / "b.flac", tone, 16_000)
    soundfile.write(tmp_path / "c.flac", tone[::-1], 16_000)
    (tmp_path / "d.wav").write_bytes(b"no audio")
    write_csv(tmp_path / "train.csv", [("a.wav", "a", "anger"), ("c.flac", "c", "anger"), ("d.wav", "d", "anger")])
    write_csv(tmp_path / "test.csv", [("b.flac", "b", "anger")])
    folds = fold_files.read_fold_files(tmp_path).folds
    hashes = fold_files.hash_audio(folds)
    assert (len(hashes), len(set(hashes.values()))) == (4, 3)
    assert ("FAIL", "audio", 1) in findings_of(*folds, audio_hashes=hashes)


def test_a_project_in_a_folder_called_test(tmp_path):
    for name, speaker in (("train", "a"), ("test", "b")):
        write_csv(tmp_path / "test" / f"x_{name}.csv", [(f"{speaker}.wav", speaker, "anger")])
    write_csv(tmp_path / "test" / "x.csv", [("a.wav", "a", "anger")])
    (fold,) = fold_files.read_fold_files(tmp_path / "test").folds
    assert [len(part) for part in fold.parts.values()] == [1, 0, 1]


def test_a_column_split_stands_above_the_name_and_lists_without_a_part_are_named(tmp_path):
    rows = [("a.wav", "s", "anger", "train"), ("b.wav", "t", "anger", "train"), ("c.wav", "s", "anger", "test")]
    write_csv(tmp_path / "emo_test.csv", rows, "file,speaker,emotion,split")
    write_csv(tmp_path / "holdout.csv", [("d.wav", "s", "anger")])
    folds, passed_over, _ = fold_files.read_fold_files(tmp_path)
    assert [len(part) for part in folds[0].parts.values()] == [2, 0, 1]
    assert ("FAIL", "speaker", 1) in findings_of(*folds)
    assert passed_over == (tmp_path / "holdout.csv",)
    write_csv(tmp_path / "emo.csv", [(name, "s", "anger") for name in ("a.wav", "b.wav", "c.wav")])  # the whole corpus
    assert fold_files.read_fold_files(tmp_path).passed_over == passed_over
    ((_, findings),) = audit.of_files([tmp_path])
    assert any(f.kind == "unread" and "holdout.csv" in f.message for f in findings)


@pytest.mark.parametrize(("names", "alike"), [("01 1", 1), ("Bob bob", 1), ("10 1", 0), ("0 00", 1)])
def test_speakers_whose_names_nearly_agree_are_named(tmp_path, names, alike):
    for part, speaker in zip(("train", "test"), names.split(), strict=True):
        write_csv(tmp_path / f"{part}.csv", [(f"{part}.wav", speaker, "anger")])
    (fold,) = fold_files.read_fold_files(tmp_path).folds
    assert [count for _, kind, count in findings_of(fold) if kind == "speaker_alike"] == [1] * alike


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.csv", "file,speaker,emotion\na.wav,a,anger\n", "no fold files; expected"),
        ("train.csv", "file,speaker\na.wav,a\n", "line 2: no emotion; .* has file, speaker"),
        ("train.csv", "name,emotion\na.wav,anger\n", "line 2: no audio file"),
        ("train.csv", "file,emotion,start\na.wav,anger,soon\n", "line 2: time 'soon'"),
        ("train.csv", "file,emotion,end\na.wav,anger,inf\n", "line 2: time 'inf'"),
        ("train.csv", f"file,emotion\na.wav,anger\n{'a' * 200_000}.wav,anger\n", "line 3: not CSV .field larger"),
        ("train.jsonl", '{"wav": "a.wav", "emo": "Sad"}\n{"wav"\n', "line 2: not JSON"),
        ("train.jsonl", "[1]\n", "line 1: .*one object per line"),
    ],
)
def test_damaged_lists_are_named_with_their_line(name, text, message, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        fold_files.read_fold_files(tmp_path)


def test_other_things_that_are_no_fold_files(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        fold_files.read_fold_files(tmp_path / "nowhere")
    (tmp_path / "train.csv").write_bytes(b"file,emotion\n\0\1\2\xff.wav,anger\n")
    with pytest.raises(InputError, match="neither UTF-8, UTF-16 nor Latin-1 text"):
        fold_files.read_fold_files(tmp_path)


def test_two_lists_of_one_part_are_a_failure_where_they_differ_and_none_where_they_agree(tmp_path):
    """EmoBox's EmoDB has `emodb_test_fold1.jsonl` with older keys beside `emodb_test_fold_1.jsonl`."""
    for part, text in (("train", "a01"), ("test", "a02")):
        rows = [emobox_row("emodb", f"{s}{text}Wa", "anger") for s in ("03", "08", "09")]
        older = [{"key": r["key"], "dataset": "emodb", "audio": r["wav"], "label": r["emo"]} for r in rows]
        write_jsonl(tmp_path / "fold_1" / f"emodb_{part}_fold1.jsonl", older)
        write_jsonl(tmp_path / "fold_1" / f"emodb_{part}_fold_1.jsonl", rows)
    speakers = "FAIL fold_1 speaker: 3 of 3 speakers in test also in train: 03, 08, 09"
    ((_, same),) = audit.of_files([tmp_path])
    assert [str(f) for f in same if f.level == "FAIL"] == [speakers]
    write_jsonl(tmp_path / "fold_1" / "emodb_train_fold1.jsonl", older)
    ((_, differing),) = audit.of_files([tmp_path])
    failures = [str(f) for f in differing if f.level == "FAIL"]
    assert "emodb_train_fold1.jsonl and emodb_train_fold_1.jsonl" in failures[0] and "contradiction" in failures[0]


def test_train_and_test_given_as_two_files_are_one_fold_and_a_bad_folder_stops_no_other(tmp_path):
    write_csv(tmp_path / "lists" / "train_speakers.csv", [("a.wav", "a", "anger")])
    write_csv(tmp_path / "lists" / "held-out_test.csv", [("b.wav", "b", "anger")])
    write_csv(tmp_path / "whole.csv", [("a.wav", "a", "anger", "train"), ("b.wav", "b", "anger", "test")], SPLIT)
    (tmp_path / "nothing").mkdir()
    given = [tmp_path / "lists" / "train_speakers.csv", tmp_path / "nothing", tmp_path / "whole.csv"]
    bad, whole, two = (findings for _, findings in audit.of_files([*given, tmp_path / "lists" / "held-out_test.csv"]))
    assert isinstance(bad, InputError) and "no fold files" in str(bad)
    assert (
        [f.kind for f in two] == [f.kind for f in whole] == ["empty", "audio_unknown"]
    )  # no validation; no recordings


def test_a_column_fold_alone_is_a_cross_validation(tmp_path):
    write_csv(tmp_path / "x.csv", [(f"{s}.wav", s, "anger", f"{n}.0") for n, s in enumerate("abc")], FOLD)
    folds = fold_files.read_fold_files(tmp_path / "x.csv").folds
    assert [(f.name, [u.speaker for u in f.train], f.valid, [u.speaker for u in f.test]) for f in folds] == [
        ("fold_0", ["b", "c"], (), ["a"]),
        ("fold_1", ["a", "c"], (), ["b"]),
        ("fold_2", ["a", "b"], (), ["c"]),
    ]
    rows = [("a.wav", "a", "anger", "x")]
    write_csv(tmp_path / "x.csv", rows, FOLD)
    with pytest.raises(InputError, match="x.csv line 2: fold is 'x', expected a number"):
        fold_files.read_fold_files(tmp_path / "x.csv")


def test_warnings_in_words_name_each_kind_once_and_count_its_folds():
    same = [leakage.Finding("WARN", f"fold_{k}", "text", f"{k} sentences in test also in train", k) for k in (1, 2, 3)]
    other = leakage.Finding("WARN", "fold_2", "speaker_alike", "1 and 01 may be the same", 1)
    assert leakage.in_words([*same, other]) == [
        "text: 1 sentences in test also in train (fold_1; similar in 3 folds)",
        "speaker_alike: 1 and 01 may be the same",
    ]


def test_one_recording_with_two_speakers_or_emotions_is_said():
    def utterance(name, speaker, emotion="anger", start_s=None):
        return Utterance(id=name, path=f"{name}.wav", emotion=emotion, speaker=speaker, start_s=start_s)

    members = [utterance("a", "1"), utterance("b", "2"), utterance("c", "1"), utterance("d", "3", start_s=1.0)]
    same = dict.fromkeys("abcd", "x")
    assert leakage.same_recordings(members, same) == (
        "one recording with several speakers or emotions: a (1, anger) = b (2, anger) = c (1, anger); "
        "training leaves out tested recordings"
    )
    assert leakage.same_recordings(members, {name: name for name in "abcd"}) == ""
    assert leakage.same_recordings([utterance("a", "1"), utterance("c", "1")], same) == ""  # as in RAVDESS
