"""A user's corpus through the command line: what is doubtful is shown and kept, all that is bad is named at once."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from common import records
from common.folds import leakage
from common.utterance import Fold, Utterance
from experiments.__main__ import main
from experiments.evaluation.system_results import command
from experiments.evidence import audits
from tests.support import records_by_hand

RATE = 16_000
EMOTIONS = ("angry", "happy", "sad")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def voice(seed, rate=RATE):
    """A second of noise that rises and falls."""
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, rate)
    return noise * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(rate) / rate))


@pytest.fixture
def calls(tmp_path):
    """A corpus of six speakers and three emotions, twice: its folder. One recording is very quiet."""
    folder = tmp_path / "calls"
    folder.mkdir()
    rows = ["file;emotion;speaker"]
    for s in range(6):
        for k, emotion in enumerate(EMOTIONS * 2):
            level = 1e-4 if (s, k) == (2, 1) else 1.0
            soundfile.write(folder / f"{s}{k}.wav", level * voice([s, k]), RATE, subtype="FLOAT")
            rows.append(f"{s}{k}.wav;{emotion};s{s}")
    (folder / "calls.csv").write_text("\n".join(rows) + "\n", encoding="utf-16")
    return folder


def train(folder, *more):
    return run(
        *("run", "emmert", "--variant", "mfcc", "--corpus", f"manifest:{folder / 'calls.csv'}"),
        *("--protocol", "speaker_independent", "--preset", "smoke", "--workers", 1, "--folds", 1),
        *("--results", folder.parent / "results", "--store", folder.parent / "store", *more),
    )


QUIET = "1 of 36 recordings is very quiet (below -75 dBFS): 21"


def test_a_doubtful_recording_is_shown_once_kept_in_the_record_and_an_error_under_strict(calls):
    strict = train(calls, "--strict")
    assert strict.exit_code == 2 and f"manifest:calls: {QUIET}" in strict.output and "--strict" in strict.output
    result = train(calls, "--labels", "happy=sadness,angry=rude", "--seeds", "0-1")
    assert result.exit_code == 0, result.output
    variant = "manifest:calls/angry=rude+happy=sadness"
    assert result.output.count(f"Warning: {variant}: {QUIET}") == 1
    written = records.read_all(calls.parent / "results")
    assert [(r.corpus_variant, r.warnings, r.classes) for r in written] == [(variant, [QUIET], ["rude", "sadness"])] * 2
    tables = [path.read_text(encoding="utf-8") for path in (calls.parent / "results" / "tables").glob("*.csv")]
    assert any(QUIET in text for text in tables), "beside the results"


def test_verify_reads_every_recording_and_names_all_that_are_bad(calls):
    good = run("corpora", "verify", f"manifest:{calls / 'calls.csv'}")
    assert good.exit_code == 0 and f"Warning: {QUIET}" in good.output and "36 recordings read" in good.output
    strict = run("corpora", "verify", f"manifest:{calls / 'calls.csv'}", "--strict")
    assert strict.exit_code == 2 and "calls.csv: 1 warning, which --strict treats as an error; fix" in strict.output
    (calls / "00.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    for name in ("01", "02", "03", "04", "05", "10", "11", "12", "13", "14", "15"):
        (calls / f"{name}.wav").write_bytes(b"")
    bad = run("corpora", "verify", f"manifest:{calls / 'calls.csv'}")
    assert bad.exit_code == 2 and "12 of 36 recordings cannot be used:" in bad.output
    assert "00.wav: not a recording but a Git-LFS pointer" in bad.output and "and 2 more" in bad.output
    same = train(calls)
    assert same.exit_code == 2 and "12 of 36 recordings cannot be used:" in same.output, "also before a training"


def test_one_class_alone_is_not_trained_on(calls):
    result = train(calls, "--labels", "happy=anger,sad=anger")
    assert result.exit_code == 2 and "every utterance is anger; expected two classes or more" in result.output


def test_a_class_that_a_papers_selection_drops_is_named(calls):
    result = run(
        *("run", "chernykh2018", "--corpus", f"manifest:{calls / 'calls.csv'}", "--labels", "happy=rude"),
        *("--protocol", "speaker_independent", "--preset", "smoke", "--folds", "1", "--variant", "dummy"),
        *("--results", calls.parent / "results", "--store", calls.parent / "store"),
    )
    dropped = "chernykh2018 leaves out rude (12 of 36 utterances); use --emotions to choose other classes"
    assert result.exit_code == 0 and dropped in result.output


def test_diagnose_takes_the_users_labels_and_emotions(calls):
    options = ("--labels", "happy=rude", "--emotions", "rude, anger", "--store", calls.parent / "store")
    result = run("diagnose", "emmert/mfcc", "--corpus", f"manifest:{calls / 'calls.csv'}", *options)
    assert result.exit_code == 0, result.output
    assert result.output.count("emmert/mfcc on manifest:calls/happy=rude/anger+rude, speaker_independent, fold_1") == 1
    unknown = run("diagnose", "emmert/mfcc", "--corpus", f"manifest:{calls / 'calls.csv'}", "--emotions", ",")
    assert unknown.exit_code == 2 and "a name is empty" in unknown.output


def dummy(folder, *more, corpus=None):
    return run(
        *("run", "chernykh2018", "--variant", "dummy", "--preset", "smoke", "--workers", 1),
        *(("--corpus", corpus or f"manifest:{folder / 'calls.csv'}") if corpus != "" else ()),
        *("--results", folder.parent / "results", "--store", folder.parent / "store", *more),
    )


def folds_of(folder, protocol):
    """(fold, fingerprint) of the records of a protocol, by the beginning of its name."""
    runs = [r for r in records.read_all(folder.parent / "results") if r.protocol.startswith(protocol)]
    return sorted((r.fold, r.fold_fingerprint) for r in runs)


def test_folds_of_a_users_recordings_are_exported_with_their_paths_and_trained_on_again(calls):
    assert dummy(calls, "--protocol", "speaker_independent").exit_code == 0
    out, manifest = calls.parent / "out", f"manifest:{calls / 'calls.csv'}"
    done = run("export", "--results", calls.parent / "results", "--into", out, "--corpus", manifest)
    assert done.exit_code == 0, done.output
    for form in ("folds", "audformat"):
        lists = out / form / "manifest-calls" / "speaker_independent" / "seed_0"
        audited = run("audit", lists, "--audio", calls)
        assert audited.exit_code == 0 and audited.output.startswith("PASS"), audited.output
        lists.rename(lists.with_name(form))
        result = dummy(calls, "--protocol", f"folds:{lists.with_name(form)}")
        assert result.exit_code == 0 and "Protocol folds-" in result.output, result.output
        assert folds_of(calls, f"folds-{form}-") == folds_of(calls, "speaker_independent")
    alone = dummy(calls, "--protocol", f"folds:{lists.with_name(form)}", "--data", calls, corpus="")
    assert alone.exit_code == 0, alone.output
    (written,) = {(r.corpus, r.protocol) for r in records.read_all(calls.parent / "results") if r.corpus[0] == "f"}
    assert written[0] == "folds:audformat" and written[1].startswith("folds-audformat-")
    unknown = run("export", "--results", calls.parent / "results", "--into", out, "--corpus", f"audformat:{out}")
    assert unknown.exit_code == 2


def with_column(folder, name, value):
    lines = (folder / "calls.csv").read_text(encoding="utf-16").splitlines()
    rows = [f"{lines[0]};{name}", *(f"{line};{value(line)}" for line in lines[1:])]
    (folder / "calls.csv").write_text("\n".join(rows) + "\n", encoding="utf-16")


def test_the_audits_warnings_are_printed_and_kept_in_the_record(calls):
    """Speakers s0 and S0 stand on two sides of a split by speakers, and may be the same."""
    rows = (calls / "calls.csv").read_text(encoding="utf-16").splitlines()
    doubled = [row[:-2] + row[-2:].upper() if number % 2 else row for number, row in enumerate(rows) if number]
    (calls / "calls.csv").write_text("\n".join([rows[0], *doubled]) + "\n", encoding="utf-16")
    result = dummy(calls, "--protocol", "speaker_independent")
    assert result.exit_code == 0, result.output
    kept = records.read_all(calls.parent / "results")[0]
    (sentence,) = [each for each in kept.audit if each.startswith("speaker_alike: speakers in ")]
    assert "that may be the same: " in sentence and sentence in result.output
    ids = audits.training_ids_path(calls.parent / "results", kept.fold_fingerprint)
    assert len(json.loads(ids.read_text())["train"]) == sum(kept.counts["train"].values())


def test_a_column_split_is_trained_on_after_the_audit_whose_warnings_are_kept(calls):
    with_column(calls, "split", lambda line: {"s0": "test", "s1": "test"}.get(line[-2:], "train"))
    strict = dummy(calls, "--protocol", "folds", "--strict")
    assert strict.exit_code == 2 and "1 of 1 folds without a validation part" in strict.output
    result = dummy(calls, "--protocol", "folds")
    assert result.exit_code == 0, result.output
    (record,) = records.read_all(calls.parent / "results")
    kept = "1 of 1 folds without a validation part: a sixth of the training speakers is used (fold_1: "
    assert [w for w in record.warnings if w.startswith(kept)] and kept in result.output
    assert set(record.parts["test"]["speakers"]) == {"s0", "s1"}
    assert record.protocol.startswith("folds-calls-") and "--protocol folds:PATH" in command(record, seeds="0")


def test_folds_that_fail_the_audit_are_not_trained_on(calls):
    with_column(calls, "split", lambda line: "test" if line.startswith("0") else "train")
    with_column(calls, "fold", lambda line: 1 + line.startswith("01"))
    result = dummy(calls, "--protocol", "folds")
    assert result.exit_code == 2 and "these folds are not fit to train on" in result.output
    assert "the train part is empty" in result.output and not (calls.parent / "results" / "tables").exists()


def utterances(emotions_by_speaker):
    return [
        Utterance(id=f"{s}{i}", path=f"{s}{i}.wav", emotion=e, speaker=s)
        for s, emotions in emotions_by_speaker.items()
        for i, e in enumerate(emotions.split())
    ]


@pytest.mark.parametrize(
    ("emotions", "warning"),
    [
        ({"a": "anger anger", "b": "fear fear", "c": "anger fear"}, "1 of 3 speakers"),
        ({"a": "anger anger", "b": "fear fear", "c": "fear fear", "d": "fear"}, "0 of 3 speakers"),
        ({"a": "anger fear", "b": "fear fear", "c": "anger fear"}, ""),
        ({"a": "anger anger", "b": "fear fear"}, ""),  # two speakers alone
        ({s: "anger" for s in "abcdef"}, ""),  # nobody twice
        ({s: "anger anger" for s in "abc"}, ""),  # one class
    ],
)
def test_speakers_that_tell_the_label(emotions, warning):
    members = utterances(emotions)
    assert leakage.speaker_label_warning(members).startswith(warning)
    assert leakage.speaker_label_warning(members).endswith("the speaker identifies the label") == bool(warning)
    assert bool(leakage.speaker_label_warning(members)) == bool(warning)
    fold = Fold("fold_1", tuple(members), (), ())
    kinds = [f.kind for f in leakage.audit([fold], speaker_independent=True)]
    assert ("speaker_label" in kinds) == bool(warning)


@pytest.fixture
def database(tmp_path):
    """An audformat database of six files; its speakers stand in a table of their own, their gender in the header."""
    folder = tmp_path / "db"
    (folder / "audio").mkdir(parents=True)
    for i in range(6):
        soundfile.write(folder / "audio" / f"{i}.wav", voice(i), RATE)
    scheme = {"dtype": "int", "labels": {1: {"gender": "male"}, 2: {"gender": "female"}}}
    header = {
        "name": "ours",
        "schemes": {"speaker": scheme, "emotion": {"dtype": "str"}},
        "tables": {
            "files": {"type": "filewise", "columns": {"speaker": {"scheme_id": "speaker"}}},
            "emotion": {"type": "segmented", "columns": {"emotion": {"scheme_id": "emotion"}}},
        },
    }
    (folder / "db.yaml").write_text(json.dumps(header))  # JSON is YAML
    lines = [f"audio/{i}.wav,{1 + i % 2}" for i in range(6)]
    (folder / "db.files.csv").write_text("\n".join(["file,speaker", *lines]) + "\n")
    times = "0 days 00:00:00,0 days 00:00:00.500000"
    lines = [f"audio/{i}.wav,{times},{'' if i == 5 else ('anger', 'sad')[i // 2 % 2]}" for i in range(6)]
    (folder / "db.emotion.csv").write_text("\n".join(["file,start,end,emotion", *lines]) + "\n")
    return folder


def test_an_audformat_database(database):
    from common import corpora

    for name in (f"audformat:{database}", f"audformat:{database}:emotion"):
        corpus = corpora.load(name)
        assert corpora.places.find(name) == database
        assert corpus.name == "audformat:ours" and corpus.counts == {"anger": 3, "sadness": 2}
        first = corpus.utterances[0]
        assert (first.id, first.speaker, first.gender, first.end_s) == ("0@0.0-0.5", "1", "male", 0.5)
        assert first.path == database / "audio" / "0.wav"
        assert corpus.warnings == ("1 row of emotion has no emotion and is left out",)
    assert corpora.load(f"audformat:{database}:emotion").variant == "audformat:ours/emotion"


def test_audformat_tables_in_parquet_and_in_parts(database):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    import pandas

    from common import corpora

    frame = pandas.read_csv(database / "db.emotion.csv")
    header = json.loads((database / "db.yaml").read_text())
    for part, rows in (("train", frame[:3]), ("test", frame[3:])):
        rows.to_parquet(database / f"db.emotion.{part}.parquet", index=False)
        header["tables"][f"emotion.{part}"] = header["tables"]["emotion"]
    del header["tables"]["emotion"]
    (database / "db.yaml").write_text(json.dumps(header))
    assert len(corpora.load(f"audformat:{database}:emotion.*").utterances) == 5
    assert len(corpora.load(f"audformat:{database}:emotion.train").utterances) == 3
    result = run("corpora", "verify", f"audformat:{database}")
    assert result.exit_code == 2 and "name one table of emotions" in result.output
    assert "emotion.train, emotion.test" in result.output


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: (d / "db.yaml").unlink(), "db.yaml: cannot be read"),
        (lambda d: (d / "db.yaml").write_text("a: [1"), "not YAML"),
        (lambda d: (d / "db.yaml").write_text("- 1"), "not the header of an audformat database"),
        (lambda d: (d / "db.files.csv").unlink(), "no file db.files.csv or .parquet"),
        (lambda d: (d / "db.files.csv").write_text("file,age\naudio/0.wav,3\n"), "no table has a column speaker"),
    ],
)
def test_a_damaged_audformat_database(database, spoil, words):
    spoil(database)
    result = run("corpora", "verify", f"audformat:{database}")
    assert result.exit_code == 2 and words in result.output


def test_the_command_of_a_record_names_its_corpus_labels_and_emotions():
    def words(corpus, variant, classes=("anger", "fear")):
        fields = {
            "paper": "ma2018",
            "variant": "v",
            "corpus": corpus,
            "corpus_variant": variant,
            "classes": list(classes),
            "recipe": {},
        }
        record = records_by_hand.record(records_by_hand.part([0], [0], classes=classes), **fields)
        return command(record, seeds="0").split(" --variant v ")[1].split(" --protocol")[0]

    assert words("emodb", "emodb/all/4hap") == "--corpus emodb/all --emotions 4hap"
    assert words("emodb-2s", "emodb-2s/anger+fear") == "--corpus emodb --emotions anger,fear"
    assert words("manifest:c", "manifest:c/rude+shy", ("rude", "shy")) == "--corpus manifest:FILE --emotions rude,shy"
    assert words("ravdess", "ravdess/angry=rude/happiness+rude", ("happiness", "rude")) == (
        "--corpus ravdess --emotions happiness,rude --labels angry=rude"
    )
    assert words("ravdess", "ravdess/calm=neutral/4hap") == "--corpus ravdess --emotions 4hap --labels calm=neutral"
    assert words("iemocap", "iemocap/all/4exc/fru=anger") == "--corpus iemocap/all/4exc --labels fru=anger"
    assert words("ravdess", "ravdess/labels=map/4hap") == "--corpus ravdess --emotions 4hap --labels FILE"
    assert words("manifest:c", "manifest:c/labels=keep", ("rude", "shy")) == "--corpus manifest:FILE --labels keep"
    assert words("manifest:c", "manifest:c/very angry=anger") == "--corpus manifest:FILE --labels 'very angry=anger'"
    assert words("audformat:o", "audformat:o") == "--corpus audformat:DIR"
    assert words("audformat:o", "audformat:o/anger+fear") == "--corpus audformat:DIR --emotions anger,fear"
    assert words("audformat:o", "audformat:o/all/4hap") == "--corpus audformat:DIR:all --emotions 4hap"
    table = "audformat:o/emotion.*/calm=neutral/anger+fear"
    assert words("audformat:o", table) == (
        "--corpus 'audformat:DIR:emotion.*' --emotions anger,fear --labels calm=neutral"
    )


def test_the_command_of_a_run_with_labels_of_the_users_own_finds_its_record(calls):
    """The line is run as a shell reads it, with FILE put in: its record exists, so nothing is trained."""
    import shlex

    from experiments.evaluation import system_results

    table = (calls / "calls.csv").read_text(encoding="utf-16").replace("angry", "very angry").replace("happy", "rude")
    (calls / "calls.tsv").write_text(table.replace(";", "\t"), encoding="utf-8")
    places = ("--results", calls.parent / "results", "--store", calls.parent / "store", "--workers", 1, "--folds", 1)
    user = f"manifest:{calls / 'calls.tsv'}"
    for labels in ("keep", "very angry=anger,rude=happiness"):
        first = ("run", "emmert", "--variant", "mfcc", "--corpus", user, "--labels", labels)
        outcome = run(*first, "--protocol", "speaker_independent", "--preset", "smoke", *places)
        assert outcome.exit_code == 0, outcome.output
    written = {path: path.read_bytes() for path in (calls.parent / "results" / "runs").rglob("*.json")}
    assert len(written) == 2
    for record in records.read_all(calls.parent / "results"):
        line = system_results.command(record, seeds="0").replace("manifest:FILE", user)
        again = run(*shlex.split(line)[3:], *places)
        assert again.exit_code == 0, again.output
    assert {path: path.read_bytes() for path in (calls.parent / "results" / "runs").rglob("*.json")} == written
