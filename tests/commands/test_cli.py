"""Bad input: exit status 2 and one sentence; what is computed is kept."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from experiments.__main__ import main

RATE = 16_000
EMOTIONS = ("anger", "happiness", "neutral", "sadness")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def sentence(result):
    """The one sentence of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.output
    return errors[0]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Six speakers, four emotions, two recordings each: noise whose level and pitch depend on the emotion."""
    folder = tmp_path_factory.mktemp("calls")
    lines = ["file,emotion,speaker,gender"]
    for s in range(6):
        for k, emotion in enumerate(EMOTIONS):
            for r in range(2):
                t = np.arange(RATE) / RATE
                noise = np.random.default_rng([s, k, r]).normal(size=RATE)
                sound = 0.1 * (k + 1) * np.sin(2 * np.pi * (150 + 60 * k + 5 * s) * t) + 0.01 * noise
                soundfile.write(folder / f"s{s}-{emotion}-{r}.wav", sound, RATE)
                lines.append(f"s{s}-{emotion}-{r}.wav,{emotion},s{s},{'female' if s % 2 else 'male'}")
    (folder / "calls.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def calls(recordings, tmp_path):
    """A copy that a test may spoil, and where results and features go."""
    folder = tmp_path / "calls"
    shutil.copytree(recordings, folder)

    def smoke(*more, variant="mfcc", protocol="speaker_independent"):
        return run(
            *("run", "emmert", "--variant", variant, "--corpus", f"manifest:{folder / 'calls.csv'}"),
            *("--protocol", protocol, "--preset", "smoke", "--workers", 1, "--folds", "1"),
            *("--results", tmp_path / "results", "--store", tmp_path / "store", *more),
        )

    smoke.folder = folder
    smoke.results = tmp_path / "results"
    return smoke


def rewrite(folder, change):
    path = folder / "calls.csv"
    path.write_text(change(path.read_text()))


def test_a_users_own_corpus_runs_end_to_end(calls, monkeypatch):
    monkeypatch.setenv("SER_CACHE", str(calls.folder.parent / "cache"))
    result = calls()
    assert result.exit_code == 0, result.output
    (path,) = calls.results.joinpath("runs").rglob("*.json")
    record = json.loads(path.read_text())
    assert record["corpus_variant"] == "manifest:calls"
    assert record["classes"] == list(EMOTIONS)
    assert len(record["parts"]["test"]["labels"]) == 8
    assert "protocols" not in record["recipe"]
    path.write_text(json.dumps(record | {"recipe": record["recipe"] | {"protocols": ["of old"]}}))
    before = path.stat().st_mtime_ns
    assert calls(protocol="speaker_independent,random").exit_code == 0  # the other protocol alone is trained
    assert path.stat().st_mtime_ns == before
    assert len(list(calls.results.joinpath("runs").rglob("*.json"))) == 2
    soundfile.write(calls.folder / "s0-anger-0.wav", np.full(RATE, 0.1), RATE)
    assert "was made with other recordings" in sentence(calls())
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "nobody2019"], "unknown paper 'nobody2019'; choose from emmert"),
        (["run", "emmert", "--variant", "huge"], "emmert has no variant 'huge'; choose from mfcc"),
        (["run", "emmert", "--variant", "mfcc", "--preset", "best"], "unknown preset 'best'; choose from paper, quick"),
        (["run", "emmert", "--variant", "mfcc", "--corpus", "somewhere"], "unknown corpus somewhere; choose from"),
        (["run", "emmert", "--seeds", "one"], "'one' is not a list of whole numbers such as 0-4,7"),
        (["run", "emmert", "--workers", "0"], "Invalid value for '--workers'"),
        (["compare", "--systems", "mfcc"], "'mfcc' is not a system; write paper/variant"),
        (["compare", "--papers", "nobody2019"], "unknown paper 'nobody2019'"),
        (["corpora", "verify", "ravdess", "--data", "nowhere"], "nowhere"),
        (["corpora", "fetch", "iemocap"], "licence"),
        (["dance"], "No such command 'dance'"),
        (["run", "emmert", "--protocol", " ,"], "' ,': a name is empty; expected comma-separated names"),
    ],
)
def test_what_is_not_there_is_named_with_what_there_is(arguments, expected):
    assert expected in sentence(run(*arguments))


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("--noises", "run emmert --variant mfcc --noises ."),
        ("--snr", "compare --systems emmert/mfcc,lim2016/cnn --snr 0"),
        ("--weights", "run satt2017 --variant cnn3_lstm_20hz --weights none"),
        ("--papers", "compare --papers emmert --systems emmert/mfcc"),
        ("--papers", "latency --papers emmert --systems emmert/mfcc"),
        ("--data", "compare --corpus manifest:a.csv,audformat:b --data ."),
        ("--data", "run emmert --corpus manifest:a.csv --data ."),
        ("--labels", "run emmert --corpus ravdess --labels keep"),
        ("--data", "corpora --data . verify ravdess"),
        ("--data", "corpora verify manifest:a.csv --data ."),
        ("--export", "label --corpus ravdess --export a.csv"),
        ("--results", "label --corpus ravdess --answers a.sqlite --results ."),
        ("--per-emotion and --port", "label --score --port 1 --per-emotion 1"),
        ("--emotions", "label --score --emotions 4hap"),
        ("--keep", "audit . --keep ."),
        ("--data", "audit . --data ."),
        ("--audio", "audit --audio ."),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(option, arguments):
    assert f"Error: {option} would be ignored" in sentence(run(*arguments.split()))


@pytest.mark.parametrize(
    "arguments",
    [
        *(["run", "emmert", option, ""] for option in ("--corpus", "--labels", "--scheduler", "--data", "--models")),
        *(["run", "emmert", f"{option}="] for option in ("--variant", "--results", "--weights", "--seeds", "--set")),
        ["run", "emmert", "--emotions", "anger,,fear"],
        ["latency", "--papers", ""],
        ["predict", ""],
        ["corpora", "verify", " "],
    ],
)
def test_an_empty_text_is_never_taken_for_absent(arguments):
    assert "empty" in sentence(run(*arguments))


@pytest.mark.parametrize("variable", ["SER_DATA", "SER_CACHE"])
def test_an_empty_variable_is_never_taken_for_absent(variable, monkeypatch):
    monkeypatch.setenv(variable, "")
    assert f"{variable} is empty" in sentence(run("papers"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run emmert --seeds 0-99999999999999", "100,000,000,000,000 numbers; expected at most 10,000"),
        ("run emmert --seeds 0,4294967296", "4294967296 is too large"),
        (f"run emmert --seeds {'9' * 5000}", "is not a list of whole numbers"),
        ("run emmert --folds 1-100000000000", "numbers; expected at most 10,000"),
        ("label --corpus ravdess --seed -1", "-1 is not in the range"),
        ("corpora synthesize ravdess x --seed 4294967296", "is not in the range"),
    ],
)
def test_numbers_have_bounds(arguments, expected):
    assert expected in sentence(run(*arguments.split()))


@pytest.mark.parametrize(
    "arguments",
    [
        "tabulate",
        "tabulate --check",
        "report",
        "report --check",
        "export --into x",
        "label --score",
        "draw ma2018 --models .",
    ],
)
def test_results_that_are_read_must_be_there(arguments, tmp_path):
    assert "missing is not a folder" in sentence(run(*arguments.split(), "--results", tmp_path / "missing"))
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("run emmert --results {}", "--results"),
        ("run emmert --variant mfcc --models {}", "--models"),
        ("run emmert --variant mfcc --store {}", "--store"),
        ("latency --systems emmert/mfcc --results {}", "--results"),
        ("bench --results {}", "--results"),
        ("audit --keep {}", "--keep"),
        ("export --results . --into {}", "--into"),
        ("draw ma2018 --models . --results . --into {}", "--into"),
        ("corpora fetch emodb --into {}", "--into"),
        ("corpora synthesize ravdess {}", "DIRECTORY"),
        ("label --corpus ravdess --results {}", "--answers"),
    ],
)
def test_a_place_that_takes_no_file_is_refused_before_anything_is_done(arguments, option, tmp_path, monkeypatch):
    """Before the corpus is looked for, which is not there either."""
    monkeypatch.setenv("SER_DATA", str(tmp_path / "nowhere"))
    (tmp_path / "file").write_text("")
    refusal = sentence(run(*arguments.format(tmp_path / "file" / "x").split()))
    assert f"cannot be written (Not a directory); give a writable folder with {option}" in refusal


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("emotion,", "feeling,", 1), "emotion"),
        (lambda text: text.replace(",anger,s0", ",rage,s0", 1), "rage"),
        (lambda text: text.replace("s0-anger-0.wav", "s9-anger-0.wav", 1), "s9-anger-0.wav"),
        (lambda text: text + text.splitlines()[1] + "\n", "s0-anger-0"),
        (lambda text: "".join(f"{line.rsplit(',', 2)[0]},s0,male\n" for line in text.splitlines()[1:]), "file"),
        (
            lambda text: (
                "file,emotion,speaker\n" + "".join(f"{line.rsplit(',', 2)[0]},s0\n" for line in text.splitlines()[1:])
            ),
            "speaker",
        ),
        (
            lambda text: "\n".join(text.splitlines()[:2] + [line for line in text.splitlines() if ",sadness," in line]),
            "anger",
        ),
        (lambda text: "", "found nothing"),
    ],
    ids=["column", "emotion", "path", "twice", "header", "one speaker", "one utterance", "nothing"],
)
def test_a_bad_table_is_one_sentence(calls, change, expected):
    rewrite(calls.folder, change)
    assert expected in sentence(calls(protocol="random" if expected == "anger" else "speaker_independent"))


def spoil(sound=None, rate=RATE, **how):
    return lambda path: soundfile.write(path, sound, rate, **how)


SECOND = 0.1 * np.sin(np.arange(RATE) / 10)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"this is no sound"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        spoil(np.zeros(RATE)),
        spoil(np.where(np.arange(RATE) == 7, np.nan, SECOND), subtype="FLOAT"),
        spoil(SECOND[: RATE // 20]),
    ],
    ids=["no audio", "empty", "truncated", "zeros", "NaN", "0.05 s"],
)
def test_a_bad_recording_is_named_and_the_others_are_kept(calls, write):
    write(calls.folder / "s3-anger-0.wav")
    assert "s3-anger-0.wav" in sentence(calls())
    assert not list(calls.results.rglob("*.json"))


@pytest.mark.parametrize(
    "write",
    [
        spoil(SECOND, subtype="PCM_U8"),
        spoil(SECOND, subtype="PCM_24"),
        spoil(SECOND, subtype="DOUBLE"),
        spoil(np.stack([SECOND] * 6, axis=1)),
        spoil(SECOND, rate=44_100),
    ],
    ids=["8 bit", "24 bit", "float", "5.1", "44.1 kHz"],
)
def test_every_ordinary_format_is_read(calls, write):
    from common.features import audio

    path = calls.folder / "s3-anger-0.wav"
    write(path)
    waveform, rate = audio.read(path, sample_rate_hz=RATE)
    assert rate == RATE
    assert waveform.dtype == np.float32 and waveform.ndim == 1
    assert np.abs(waveform).max() == pytest.approx(0.1, rel=0.05)


def test_windows_line_ends_a_byte_order_mark_and_other_alphabets_work(calls):
    from common import corpora

    (calls.folder / "s0-anger-0.wav").rename(calls.folder / "Ärger, Łódź 1.wav")
    text = (calls.folder / "calls.csv").read_text().replace("s0-anger-0.wav", '"Ärger, Łódź 1.wav"')
    (calls.folder / "calls.csv").write_bytes("\ufeff".encode() + text.replace("\n", "\r\n").encode())
    corpus = corpora.load(f"manifest:{calls.folder / 'calls.csv'}")
    assert len(corpus.utterances) == 48
    assert any("Łódź" in u.id for u in corpus.utterances)


@pytest.mark.parametrize("protocol", ["leave_one_session_out", "text_independent", "emobox", "nonsense"])
def test_a_protocol_that_does_not_fit_is_one_sentence(calls, protocol):
    assert protocol in sentence(calls(protocol=protocol)).replace("EmoBox", "emobox")


def test_results_that_cannot_be_written_are_one_sentence(calls):
    calls.results.write_text("a file where a folder should be")
    assert "--results" in sentence(calls())


def test_a_record_of_a_newer_version_is_one_sentence(calls):
    path = calls.results / "runs" / "newer.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 99}')
    assert "update the suite" in sentence(run("tabulate", "--results", calls.results))


def test_random_weights_are_asked_for_by_name_and_concern_pretrained_systems_alone():
    from experiments.runs import compare

    experiments = compare.systems([("emmert", "mfcc"), ("emmert", "resnet50")], "smoke", weights="none")
    assert [system.variant for system in experiments] == ["mfcc", "resnet50_random"]
    assert experiments[1].recipe.note == "random weights in place of ImageNet's"


def test_resnet50_without_weights_is_one_sentence(calls):
    assert "is no file" in sentence(calls("--weights", calls.folder / "none.h5", variant="resnet50"))


def test_tables_are_rebuilt_without_keras_and_without_audio(tmp_path):
    code = (
        "import sys; from experiments.__main__ import main\n"
        "for verb in ('tabulate', 'report'): main([verb, '--results', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'tensorflow', 'keras', 'librosa', 'soundfile', 'papers'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["--help", "papers", "corpora"])
def test_listing_verbs_import_nothing_heavy(verb):
    heavy = {"tensorflow", "keras", "scipy", "sklearn", "parselmouth", "matplotlib", "joblib"}
    heavy |= {"librosa.core"}  # librosa itself is a stub that imports its parts when they are asked for
    code = (
        "import sys; from experiments.__main__ import main; main([sys.argv[1]], standalone_mode=False); "
        f"sys.exit(' '.join({heavy} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, verb], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_papers_as_json_has_what_programs_ask_for():
    rows = json.loads(run("papers", "--json").output)
    assert {"paper", "variant", "parameters", "corpus", "protocols", "published"} <= set(rows[0])
    assert any(row["published"] for row in rows)


@pytest.mark.parametrize(("tested", "status", "word"), [("s1", 1, "FAIL"), ("s2", 0, "WARN")])
def test_the_audit_of_fold_files_fails_on_a_shared_speaker(tmp_path, tested, status, word):
    parts = {"train": [("a.wav", "s1", "anger"), ("b.wav", "s1", "fear")], "test": [("c.wav", tested, "anger")]}
    for part, rows in parts.items():
        lines = ["file,speaker,emotion", *(",".join(row) for row in rows)]
        (tmp_path / f"fold_1_{part}.csv").write_text("\n".join(lines) + "\n")
    result = run("audit", tmp_path)
    assert result.exit_code == status, result.output
    assert result.output.startswith(word)


@pytest.mark.corpus
def test_the_audit_of_our_folds_reaches_every_paper_and_finds_no_leak(corpora_dir):
    result = run("audit", "--data", corpora_dir)
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    for paper in ("emmert", "lim2016", "satt2017", "ma2018", "chernykh2018", "baseline"):
        assert f"{paper}/" in result.output


def test_a_leaky_protocol_stands_in_no_comparison(calls):
    protocols = "speaker_independent,leaky_segments"
    refusal = sentence(run("compare", "--papers", "lim2016", "--protocol", protocols, "--data", calls.folder))
    assert "leaky_segments" in refusal and "run" in refusal
