"""The human study: who gets what when, answers that nothing loses or doubles, a page that gives nothing away."""

import csv
import dataclasses
import http.client
import io
import itertools
import json
import random
import sqlite3
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from common import corpora
from common.errors import InputError
from common.features import audio
from experiments.listening import answers_file, study_plan, web_page
from tests.support import label_server

NAMES = ["Anna", "Анна", "李雷", "José María", "O’Neil-Smith", "رنا", "r2.d2_x", "x" * 40]
ORDER_OF_ANNA = [  # written down once: another machine, Python or hash seed must give the same
    "s0-neutral-1",
    "s2-neutral-1",
    "s0-anger-1",
    "s2-sadness-0",
    "s1-sadness-1",
    "s2-anger-0",
    "s1-sadness-0",
    "s0-anger-0@0.25-0.75",
]
NO_NAMES = ["", "   ", "x" * 41, "<b>Anna</b>", "../../etc", "=1+1", "-rf", "\u202eanna", "a\x00b", "a,b", "☃"]


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    return label_server.make_corpus(tmp_path_factory.mktemp("corpus") / "calls")


@pytest.fixture(scope="module")
def corpus(calls):
    return corpora.load(f"manifest:{calls}")


@pytest.fixture
def desk(corpus, tmp_path):
    """A study with its answers file and a test client; `ask`, `answer` and `reveal` speak as the page does."""
    return Desk(corpus, tmp_path / "answers.sqlite")


class Desk:
    def __init__(self, corpus, path):
        self.study = study_plan.plan(corpus)
        self.answers = answers_file.begin(path, self.study)
        self.client = web_page.create_app(self.study, self.answers, corpus.utterances).test_client()
        self.items = {study_plan.token(self.study, item): item for item in self.study.items}

    def ask(self, assessor="Anna", token=""):
        return self.client.get("/item", query_string={"assessor": assessor, "token": token}).get_json()

    def post(self, path, token, assessor="Anna", **more):
        return self.client.post(path, json={"assessor": assessor, "token": token, **more})

    def train(self, assessor="Anna"):
        while (state := self.ask(assessor))["phase"] == study_plan.TRAINING:
            assert self.post("/answer", state["token"], assessor, answer="anger").status_code == 200
        return state


def test_a_study_is_two_training_utterances_an_emotion_and_the_rest(corpus):
    study = study_plan.plan(corpus, per_emotion=3)
    assert [
        len([i for i in study.items_of(p) if i.emotion == e]) for p in ("training", "test") for e in study.classes
    ] == [
        *(2, 2, 2),
        *(3, 3, 3),
    ]
    assert len(study_plan.plan(corpus).items) == len(corpus.utterances) == 18
    mixed = dataclasses.replace(corpus, utterances=tuple(random.Random(1).sample(corpus.utterances, 18)))
    assert study_plan.plan(mixed, per_emotion=3) == study
    assert study_plan.plan(corpus, per_emotion=3, seed=1).items != study.items


def test_too_few_utterances_are_refused(corpus):
    with pytest.raises(InputError, match="has 6 utterances of anger, .* give --per-emotion 4 or less"):
        study_plan.plan(corpus, per_emotion=5)
    few = dataclasses.replace(corpus, utterances=tuple(u for u in corpus.utterances if u.speaker == "s0"))
    with pytest.raises(InputError, match="2 utterances of anger, .* leave it out with --emotions"):
        study_plan.plan(few)


def test_the_order_is_the_assessors_own_and_the_same_everywhere(corpus):
    study = study_plan.plan(corpus)

    def order(name):
        given = []
        while item := study_plan.next_item(study, study_plan.assessor_key(name), given, {}):
            given.append(item.id)
        return given

    anna = order("Anna")
    assert sorted(anna) == [item.id for item in study.items] and anna == order("ANNA") != order("Боб")
    assert {i.phase for i in study.items if i.id in anna[:6]} == {"training"}
    assert anna[:8] == ORDER_OF_ANNA


def test_utterances_one_answer_short_come_first_and_those_with_enough_last(corpus):
    study = study_plan.plan(corpus)
    trained = [item.id for item in study.items_of("training")]
    own = [i.id for i in study_plan.shuffled(study.items_of("test"), "order", 0, "anna")]
    assert study_plan.next_item(study, "anna", trained, {}).id == own[0]
    assert study_plan.next_item(study, "anna", trained, {own[4]: 1, own[7]: 1}).id == own[4]
    assert study_plan.next_item(study, "anna", trained, {own[0]: 2, own[1]: 3}).id == own[2]
    assert study_plan.next_item(study, "anna", trained, dict.fromkeys(own, 2)).id == own[0]
    assert study_plan.next_item(study, "anna", trained + own, {}) is None


def test_people_who_stop_early_have_still_answered_the_same_utterances(desk):
    for name in ("Anna", "Боб"):
        state = desk.train(name)
        for _ in range(4):
            desk.post("/answer", state["token"], name, answer="anger")
            state = desk.ask(name)
    counts = desk.answers.counts()
    assert sorted(counts[item.id] for item in desk.study.items_of("test") if item.id in counts) == [2, 2, 2, 2]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_script_are_taken(name):
    assert study_plan.assessor_name(f"  {name} ") == name


@pytest.mark.parametrize("name", NO_NAMES)
def test_other_names_are_refused_with_a_sentence(desk, name):
    with pytest.raises(InputError, match="expected"):
        study_plan.assessor_name(name)
    shown = desk.client.get("/study", query_string={"assessor": name})
    assert shown.status_code == 400 and "Please change it" in shown.text and "<b>Anna" not in shown.text
    assert desk.client.get("/item", query_string={"assessor": name}).status_code == 400


def test_one_person_is_one_assessor_however_the_name_is_typed(desk):
    state = desk.ask("Anna")
    desk.post("/answer", state["token"], "Anna", answer="anger")
    for name in ("anna ", "ANNA", "Ａｎｎａ"):
        assert desk.ask(name, state["token"])["answer"] == "anger"
        desk.post("/answer", state["token"], name, answer="sadness")
    assert [(row.assessor, row.answer) for row in desk.answers.rows()] == [("Anna", "anger")]


def test_a_reload_shows_the_same_utterance_and_goes_on_after_it(desk):
    state = desk.ask()
    assert desk.ask() == state and desk.ask(token=state["token"]) == state
    assert (state["number"], state["total"], state["phase"], state["answer"]) == (1, 6, "training", None)
    answered = desk.post("/answer", state["token"], answer="anger").get_json()
    assert desk.ask(token=state["token"]) == answered == {**state, "answer": "anger", "answered": 1}
    assert desk.ask()["token"] != state["token"] and desk.ask()["number"] == 2


def test_two_tabs_on_one_utterance_give_one_row_and_the_first_stands(desk):
    token = desk.ask()["token"]
    assert desk.post("/answer", token, answer="sadness").get_json()["answer"] == "sadness"
    second = desk.post("/answer", token, answer="anger")
    assert second.status_code == 200 and second.get_json()["answer"] == "sadness"
    (row,) = desk.answers.rows()
    assert (row.assessor, row.answer, row.phase, row.revealed) == ("Anna", "sadness", "training", None)


def test_answers_at_the_same_moment_give_one_row(desk):
    item = desk.items[desk.ask()["token"]]

    def answer(k):
        return desk.answers.save("anna", "Anna", item.id, label_server.EMOTIONS[k % 3])

    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(answer, range(24)))  # the page's own look at what is there already is passed by
    (row,) = desk.answers.rows()
    assert {(one.answer, one.time) for one in said} == {(row.answer, row.time)}


def test_the_answer_is_shown_after_the_own_one_only_and_noted_once(desk):
    state = desk.ask()
    item = desk.items[state["token"]]
    refused = desk.post("/reveal", state["token"])
    assert refused.status_code == 409 and item.emotion not in refused.text
    assert desk.post("/answer", state["token"], answer="anger").get_json()["truth"] is None
    assert desk.post("/reveal", state["token"]).get_json()["truth"] == item.emotion
    first = desk.answers.rows()
    desk.post("/reveal", state["token"])
    assert desk.answers.rows() == first and first[0].revealed >= first[0].time


def test_training_comes_first_whatever_is_asked_for(desk):
    token = next(t for t, item in desk.items.items() if item.phase == "test")
    assert desk.ask(token=token)["phase"] == "training"
    assert desk.post("/answer", token, answer="anger").status_code == 409
    desk.train()
    assert desk.ask(token=token)["token"] == token
    assert desk.post("/answer", token, answer="anger").status_code == 200


def test_the_end_is_said(desk):
    state = desk.train()
    while not state["done"]:
        desk.post("/answer", state["token"], answer="anger")
        state = desk.ask()
    assert state == {"done": True, "answered": 12}


def test_nothing_the_page_gets_before_an_answer_tells_the_emotion(desk):
    state = desk.ask()
    item = desk.items[state["token"]]
    sound = desk.client.get(f"/audio/{state['token']}")
    headers = "".join(f"{name}: {value}\n" for name, value in sound.headers)
    for text in (json.dumps(state), headers):
        assert item.id not in text and item.emotion not in text and item.speaker not in text
    assert b"LIST" not in sound.data


def test_any_format_and_stretch_is_served_as_wav(desk, corpus):
    source = corpus.utterances[0]
    assert (source.path.suffix, source.start_s, source.end_s) == (".flac", 0.25, 0.75)
    token = next(t for t, item in desk.items.items() if item.id == source.id)
    response = desk.client.get(f"/audio/{token}")
    samples, rate = soundfile.read(io.BytesIO(response.data), dtype="float32")
    expected, _ = audio.read(source.path, start_s=0.25, end_s=0.75)
    assert response.mimetype == "audio/wav" and rate == 16_000
    np.testing.assert_allclose(samples, expected, atol=1 / 32768)
    part = desk.client.get(f"/audio/{token}", headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and part.data == b"RIFF"


@pytest.mark.parametrize(
    "path", ["/audio/..%2f..%2fetc%2fpasswd", "/audio/../../etc/passwd", "/audio//etc/passwd", "/static/../label.py"]
)
def test_no_path_leads_out(desk, path):
    assert desk.client.get(path).status_code == 404


def test_requests_that_are_not_the_pages_are_refused(desk):
    token = desk.ask()["token"]
    assert desk.client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert desk.client.post("/answer", data={"assessor": "Anna", "token": token, "answer": "anger"}).status_code == 415
    assert desk.client.post("/answer", json=["Anna"]).status_code == 400
    for body in (
        b"",
        b"{",
        b"NaN",
        b"\xff",
        b"[" * 4900 + b"]" * 4900,
        b'{"a":' * 1500 + b"1" + b"}" * 1500,
        b"9" * 5000,
    ):
        sent = {"data": body, "content_type": "application/json"}
        assert {desk.client.post(path, **sent).status_code for path in ("/answer", "/reveal")} == {400}, body[:20]
    assert desk.post("/answer", token, answer="joy").status_code == 400
    assert desk.post("/answer", token, answer=["anger"]).status_code == 400
    assert desk.post("/answer", "03-01-05", answer="anger").status_code == 404
    assert desk.post("/answer", ["x"], answer="anger").status_code == 404
    assert desk.post("/answer", token, assessor=7, answer="anger").status_code == 400
    assert desk.answers.rows() == []


def test_an_answer_that_cannot_be_kept_is_said_not_to_be(desk):
    token = desk.ask()["token"]
    desk.answers.path.rename(desk.answers.path.with_suffix(".away"))
    refused = desk.post("/answer", token, answer="anger")
    assert refused.status_code == 503 and "cannot be used" in refused.get_json()["error"]
    assert not desk.answers.path.exists()
    desk.answers.path.with_suffix(".away").rename(desk.answers.path)
    assert desk.post("/answer", token, answer="anger").status_code == 200


def test_a_recording_that_is_damaged_later_is_named(corpus, tmp_path):
    gone = tuple(dataclasses.replace(u, path=tmp_path / "gone.wav") for u in corpus.utterances)
    desk = Desk(dataclasses.replace(corpus, utterances=gone), tmp_path / "answers.sqlite")
    desk.client.application.logger.disabled = True
    refused = desk.client.get(f"/audio/{desk.ask()['token']}")
    assert refused.status_code == 500 and "gone.wav" in refused.get_json()["error"]


def test_names_and_limits_are_escaped(corpus, tmp_path):
    desk = Desk(dataclasses.replace(corpus, limits="<script>alert(1)</script>"), tmp_path / "answers.sqlite")
    assert "&lt;script&gt;alert(1)" in desk.client.get("/").text
    shown = desk.client.get("/study", query_string={"assessor": "O'Neil"})
    assert 'data-assessor="O&#39;Neil"' in shown.text
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_the_page_needs_nothing_from_elsewhere():
    for name in ("web_page.html.j2", "static/label.css", "static/label.js"):
        text = (label_server.ROOT / "experiments" / "listening" / name).read_text(encoding="utf-8")
        assert "http" not in text.replace("http-equiv", "") and "url(" not in text.replace("url_for(", "")


def test_the_command_line_loads_no_web_server_and_no_audio():
    program = "import experiments.cli.label, sys; sys.exit(bool({'flask', 'soundfile', 'numpy'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", program], cwd=label_server.ROOT).returncode == 0


@pytest.mark.parametrize("seconds", [0, 0.03, 0.2])
def test_kill_9_at_any_moment_keeps_what_was_said_to_be_saved(calls, tmp_path, seconds):
    """Answers are sent without a pause; the server is killed at the first one, or in the middle of a later one."""
    said = {}
    with label_server.serving(calls, tmp_path) as (process, address):
        timer = threading.Timer(seconds, process.kill)
        for name in itertools.cycle(["Анна", "Боб", "李雷"]):
            try:
                state = speak(address, f"item?assessor={urllib.parse.quote(name)}")
                if not state["done"]:
                    speak(address, "answer", {"assessor": name, "token": state["token"], "answer": "anger"})
                    said[name, state["token"]] = "anger"
            except (OSError, http.client.HTTPException):
                break
            if len(said) == 1:
                timer.run() if seconds == 0 else timer.start()
    answers = answers_file.Answers(tmp_path / "human" / "manifest-calls.sqlite")
    tokens = {item.id: study_plan.token(answers.study(), item) for item in answers.study().items}
    kept = {(row.assessor, tokens[row.utterance]): row.answer for row in answers.rows()}
    assert said and said.items() <= kept.items()
    assert len(answers.rows()) == len(kept) <= len(said) + 1  # one may have been saved and not yet said so
    with label_server.serving(calls, tmp_path) as (_, address):
        count = sum(name == "Анна" for name, _ in kept)
        assert speak(address, "item?assessor=%D0%90%D0%BD%D0%BD%D0%B0")["answered"] == count - 6 * (count >= 6)


def speak(address, path, body=None):
    data = body and json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_a_study_killed_while_it_was_made_is_made_again(corpus, tmp_path):
    (tmp_path / "answers.sqlite").touch()  # what SQLite leaves where nothing was committed
    assert answers_file.begin(tmp_path / "answers.sqlite", study_plan.plan(corpus)).rows() == []


def test_answers_as_csv(desk, tmp_path):
    token = desk.ask("Zoë")["token"]
    desk.post("/answer", token, "Zoë", answer="anger")
    path = answers_file.export(desk.answers.rows(), tmp_path / "answers.csv")
    (row,) = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    item = desk.items[token]
    assert (row["assessor"], row["utterance"], row["emotion"]) == ("Zoë", item.id, item.emotion)
    assert (row["phase"], row["answer"], row["revealed"]) == ("training", "anger", "")


def test_the_file_itself_refuses_a_second_row(desk):
    token = desk.ask()["token"]
    desk.post("/answer", token, answer="anger")
    with sqlite3.connect(desk.answers.path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO answers SELECT NULL, assessor, utterance, answer, time, revealed FROM answers")
    connection.close()
