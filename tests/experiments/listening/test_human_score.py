"""The human row against numbers worked out by hand, Fleiss' kappa against published tables; bad input."""

import json
import socket
import sqlite3

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from common import corpora
from common.errors import InputError
from experiments.__main__ import Program
from experiments.cli.label import label_command
from experiments.listening import answers_file, human_score, study_plan
from tests.support import label_server

# Fleiss 1971 as worked out in Wikipedia's article on the kappa: 10 subjects, 14 raters, 5 categories, kappa 0.210.
WIKIPEDIA = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
# Two raters each; the value is that of statsmodels 0.15.0, stats.inter_rater.fleiss_kappa.
PAIRS = [[0, 1, 1], [2, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 2], [2, 0, 0], [2, 0, 0]]
PAIRS += [[1, 1, 0], [2, 0, 0]]

CLASSES = ("anger", "neutral", "sadness")
ANSWERS = {  # utterance -> (emotion, {assessor: answer}); T1 is training
    "T1": ("anger", {"Анна": "anger", "Bo": "sadness"}),
    "A1": ("anger", {"Анна": "anger", "Bo": "anger"}),
    "A2": ("anger", {"Анна": "anger", "Bo": "neutral"}),
    "N1": ("neutral", {"Анна": "neutral", "Bo": "neutral"}),
    "N2": ("neutral", {"Анна": "sadness"}),
    "S1": ("sadness", {"Анна": "sadness", "Bo": "anger", "Cy": "sadness"}),
    "S2": ("sadness", {}),
}


@pytest.fixture
def scored():
    phases = {id_: "training" if id_ == "T1" else "test" for id_ in ANSWERS}
    study = study_plan.Study(
        corpus="calls",
        variant="calls/some",
        limits="",
        synthetic=False,
        classes=CLASSES,
        seed=0,
        per_emotion=None,
        items=tuple(study_plan.Item(i, emotion, "s" + i[-1], phases[i]) for i, (emotion, _) in sorted(ANSWERS.items())),
    )
    rows = [
        answers_file.Row(name, i, emotion, "s" + i[-1], phases[i], answer, "2026-01-01", "later" if i == "A2" else None)
        for i, (emotion, given) in ANSWERS.items()
        for name, answer in given.items()
    ]
    return study, rows, human_score.score(study, rows)


def test_accuracies_by_hand(scored):
    result = scored[2]
    # Counted: Anna a a n s s on a a n n s (4 of 5); Bo a n n a on a a n s (2 of 4); Cy s on s.
    assert result["confusion"] == [[3, 1, 0], [0, 2, 1], [1, 0, 2]]
    assert result["n"] == 10 and result["wa"] == pytest.approx(7 / 10)
    assert result["ua"] == pytest.approx((3 / 4 + 2 / 3 + 2 / 3) / 3)
    assert [one["n"] for one in result["per_assessor"]] == [5, 4, 1]
    assert [one["wa"] for one in result["per_assessor"]] == pytest.approx([4 / 5, 2 / 4, 1.0])
    assert result["per_assessor"][0]["ua"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert result["per_assessor"][2]["ua"] is None  # Cy has heard sadness alone
    assert (result["utterances"], result["utterances_with_two"], result["utterances_planned"]) == (5, 4, 6)
    assert (result["assessors"], result["training_answers"], result["answers_then_revealed"]) == (3, 2, 2)


def test_agreement_by_hand(scored):
    result = scored[2]
    # A1: 2 of 2 agree, A2: 0, N1: 1, S1: sadness sadness anger, 1 pair of 3. N2 has one answer and no pair.
    agreeing = (1 + 0 + 1 + 1 / 3) / 4
    shares = np.array([1 + 1 / 2 + 0 + 1 / 3, 0 + 1 / 2 + 1 + 0, 2 / 3]) / 4
    chance = np.sum(shares**2)
    assert result["pairs_agreeing"] == pytest.approx(agreeing)
    assert result["kappa"] == pytest.approx((agreeing - chance) / (1 - chance))
    assert (result["kappa_utterances"], result["kappa_answers_per_utterance"]) == (4, {"2": 3, "3": 1})


def test_intervals_only_where_there_are_three_clusters(scored):
    intervals = scored[2]["intervals"]
    low, high = intervals["assessors"]["wa"]
    assert 0 < low < 0.7 < high < 1
    assert intervals["speakers"]["wa"] is None and "2 speakers" in intervals["speakers"]["wa_why_none"]


def test_the_row_names_no_assessor_and_is_plain_json(scored, tmp_path):
    study, rows, result = scored
    path = human_score.write(result, tmp_path)
    assert path == tmp_path / "human" / "calls-some.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(result))
    assert "Анна" not in path.read_text(encoding="utf-8") and r"\u" not in path.read_text(encoding="utf-8")
    shown = human_score.show(result, human_score.assessors(rows))
    assert "assessor 1: Анна" in shown and "70.0" in shown


def test_kappa_of_published_tables():
    assert human_score.fleiss_kappa(WIKIPEDIA) == pytest.approx(0.210, abs=5e-4)
    assert human_score.fleiss_kappa(WIKIPEDIA) == pytest.approx(0.20993070442195522, abs=1e-12)  # statsmodels 0.15.0
    assert human_score.fleiss_kappa(PAIRS) == pytest.approx(0.3286713286713286, abs=1e-12)


def test_kappa_at_its_ends():
    assert human_score.fleiss_kappa([[3, 0], [0, 2]]) == 1
    assert human_score.fleiss_kappa([[1, 1], [1, 1]]) == -1
    assert human_score.fleiss_kappa([*PAIRS, [1, 0, 0], [0, 0, 0]]) == human_score.fleiss_kappa(PAIRS)
    with pytest.raises(ValueError, match="no utterance has two answers"):
        human_score.fleiss_kappa([[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="all answers are of one class"):
        human_score.fleiss_kappa([[2, 0], [3, 0]])


def test_no_kappa_is_said_with_its_reason(scored):
    study, rows, _ = scored
    alone = human_score.score(study, [row for row in rows if row.assessor == "Анна"])
    assert alone["kappa"] is None and alone["pairs_agreeing"] is None
    assert "none, no utterance has two answers" in human_score.show(alone, ["Анна"])


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Function: runs `label` with a corpus, a results folder and a port that is free; serving at last is a failure."""
    monkeypatch.setattr("werkzeug.serving.make_server", lambda *_, **__: pytest.fail("nothing was refused"))
    (tmp_path / "results").mkdir()
    calls = label_server.make_corpus(tmp_path / "calls")
    group = Program("main", commands={"label": label_command})

    def run(*more, corpus=f"manifest:{calls}"):
        options = ["--corpus", corpus] if corpus else []
        if "--score" in more or "--answers" not in more:  # an option that is not used is refused
            options += ["--results", tmp_path / "results"]
        arguments = ["label", *options, *([] if "--score" in more else ["--port", 0]), *more]
        return CliRunner().invoke(group, [str(a) for a in arguments])

    run.calls, run.file = calls, tmp_path / "results" / "human" / "manifest-calls.sqlite"
    return run


def sentence(result):
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    (error,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    return error


def begin(program, **changes):
    """An answers file with one counted and one training answer."""
    study = study_plan.plan(corpora.load(f"manifest:{program.calls}"), **changes)
    answers = answers_file.begin(program.file, study)
    for phase in ("training", "test"):
        answers.save("anna", "Anna", study.items_of(phase)[0].id, "anger")
    return answers


def test_score_from_the_command_line(program, tmp_path):
    begin(program)
    for arguments in ([], ["--answers", program.file]):
        done = program("--score", *arguments, "--export", tmp_path / "all.csv", corpus=None)
        assert done.exit_code == 0, done.output
        assert "1 answers of 1 assessors to 1 of 12 utterances" in done.output
    assert program("--score").exit_code == 0
    row = json.loads(program.file.with_suffix(".json").read_text(encoding="utf-8"))
    assert (row["corpus_variant"], row["n"], row["wa"], row["ua"]) == ("manifest:calls", 1, 1.0, None)
    assert len((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()) == 3


def test_scores_that_cannot_be_given(program):
    assert "no answers file in" in sentence(program("--score", corpus=None))
    assert "no answers file; run `label" in sentence(program("--score"))
    answers = begin(program)
    with sqlite3.connect(program.file) as connection:
        connection.execute("DELETE FROM answers WHERE number = 2")
    connection.close()
    assert "no scored answers on manifest:calls, 1 for training" in sentence(program("--score"))
    answers_file.begin(program.file.with_name("other.sqlite"), answers.study())
    assert "several answers files (manifest-calls.sqlite, other.sqlite)" in sentence(program("--score", corpus=None))
    mixed = program("--score", "--answers", program.file, "--emotions", "anger,neutral")
    assert "has answers on manifest:calls, not manifest:calls/anger+neutral" in sentence(mixed)


def test_the_users_labels_are_those_of_the_study(program):
    begin(program)
    said = sentence(program("--labels", "anger=rude", "--answers", program.file))
    assert "with variant manifest:calls, not manifest:calls/anger=rude; give the same --corpus" in said
    assert "a name is empty" in program("--emotions", " , ").output


def test_an_answers_file_of_something_else(program):
    begin(program)
    said = sentence(program("--emotions", "anger,neutral", "--answers", program.file))
    assert "with variant manifest:calls, not manifest:calls/anger+neutral; give the same --corpus and" in said
    assert "seed 0, not 3; give the same --seed" in sentence(program("--seed", 3))
    assert "per_emotion all, not 2; give the same --per-emotion" in sentence(program("--per-emotion", 2))
    program.calls.write_text(program.calls.read_text().replace("anger-1.wav,anger,s1", "anger-1.wav,neutral,s1"))
    assert "was created with other utterances or labels" in sentence(program())


def test_a_damaged_answers_file(program, tmp_path):
    begin(program)
    whole = program.file.read_bytes()
    page = int.from_bytes(whole[16:18], "big")  # SQLite's file format: any one page that is lost is noticed
    lost = [whole[:at] + b"\xff" * page + whole[at + page :] for at in range(0, len(whole), page)]
    assert len(lost) > 5
    for content in (b"assessor,answer\n" * 99, whole[: len(whole) // 2], *lost):
        program.file.write_bytes(content)
        for arguments in ([], ["--score"]):
            assert str(program.file) in sentence(program(*arguments))
        assert program.file.read_bytes() == content
    program.file.write_bytes(whole)
    with sqlite3.connect(program.file) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    assert "schema 9, this version reads up to 1" in sentence(program("--score"))
    with sqlite3.connect(tmp_path / "notes.sqlite") as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    assert "is not an answers file of this suite" in sentence(program("--answers", tmp_path / "notes.sqlite"))


def test_nothing_is_begun_on_bad_input(program, tmp_path):
    assert "no corpus is given" in sentence(program(corpus=None))
    assert "unknown corpus nothing" in sentence(program(corpus="nothing"))
    assert f"looked in {tmp_path}" in sentence(program("--data", tmp_path, corpus="emodb"))
    assert "has no fear" in sentence(program("--emotions", "anger,fear"))
    assert "give --per-emotion 4 or less" in sentence(program("--per-emotion", 9))
    (tmp_path / "file").touch()
    assert "cannot be written (Not a directory)" in sentence(program("--answers", tmp_path / "file" / "a.sqlite"))
    soundfile.write(tmp_path / "calls" / "s1-anger-0.wav", np.zeros(16_000), 16_000)
    assert "s1-anger-0.wav" in sentence(program())
    assert not program.file.exists()


def test_a_port_in_use(program):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 cannot be used" in sentence(program("--port", port))


def test_an_error_of_the_study_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no answers file"):
        answers_file.Answers(tmp_path / "none.sqlite")
