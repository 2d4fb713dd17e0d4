"""The page of a human study, served on 127.0.0.1 by Flask (Chernykh 2018, section 4.6, Fig. 7b).

The browser gets only a token of an utterance: neither its label, nor its id, which reveals the emotion in RAVDESS and
EmoDB, nor the file's tags are sent before the assessor has answered. Tokens are looked up in a table and never used as
paths. Requests for other host names are refused and answers must be JSON, so that other web sites can neither read the
recordings nor send answers.
"""

import io
import logging
import os
import socket
import sqlite3

import flask
import jinja2
import soundfile
from werkzeug import exceptions, serving

from common import markup
from common.errors import InputError
from common.features import audio
from experiments.listening import study_plan

HOST = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; "
    "connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
KEYS = "1234567890"  # keyboard shortcuts of the first, second, ... emotion


def create_app(study, answers, utterances) -> flask.Flask:
    """The web application.

    Args:
        study: a study_plan.Study.
        answers: its answers_file.Answers.
        utterances: of the corpus, with the paths of the recordings.
    """
    app = flask.Flask(__name__, template_folder=".")
    app.config.update(TRUSTED_HOSTS=[HOST, "localhost"], MAX_CONTENT_LENGTH=10_000)
    app.jinja_options = {  # Flask enables escaping by file suffix, and not for .j2
        "autoescape": True,
        "finalize": markup.finalize,
        "undefined": jinja2.StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    page = Page(study, answers, utterances)
    app.add_url_rule("/", view_func=page.index)
    app.add_url_rule("/study", view_func=page.study_page)
    app.add_url_rule("/item", view_func=page.item)
    app.add_url_rule("/answer", view_func=page.answer, methods=["POST"])
    app.add_url_rule("/reveal", view_func=page.reveal, methods=["POST"])
    app.add_url_rule("/audio/<token>", view_func=page.audio)
    app.register_error_handler(InputError, _at_fault)
    app.register_error_handler(sqlite3.Error, _not_kept)
    app.register_error_handler(exceptions.HTTPException, _http_error)
    app.after_request(_with_headers)
    return app


def serve(app, port, ready) -> None:
    """Serve until Ctrl-C; `ready` is called with the address once connections are accepted.

    Raises:
        InputError: the port cannot be used.
    """
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(
            f"port {port} of {HOST} cannot be used ({os.strerror(error.errno)}); give another one with --port, "
            "0 for any that is free"
        ) from error
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # request lines would contain assessors' names
    with listening:
        server = serving.make_server(HOST, port, app, threaded=True, fd=listening.fileno())
        ready(f"http://{HOST}:{server.port}/")
        server.serve_forever()  # ends at Ctrl-C


class Page:
    """The views. All state between requests is in the answers file."""

    def __init__(self, study, answers, utterances):
        self.plan, self.answers = study, answers
        self.items = {study_plan.token(study, item): item for item in study.items}
        self.sources = {u.id: u for u in utterances}

    def index(self):
        return self._render(name="", problem="")

    def study_page(self):
        text = flask.request.args.get("assessor", "")
        try:
            name = study_plan.assessor_name(text)
        except InputError as error:
            return self._render(name=text[: study_plan.MAX_NAME], problem=f"Please change it: {error}."), 400
        return self._render(assessor=name, emotions=list(zip(self.plan.classes, _keys(self.plan.classes), strict=True)))

    def item(self):
        """The utterance of `token` if the assessor may open it, else the next one."""
        _, assessor = _assessor(flask.request.args)
        given = self.answers.answers_of(assessor)
        asked = self.items.get(flask.request.args.get("token", ""))
        if asked is None or (asked.id not in given and self._too_early(asked, given)):
            asked = study_plan.next_item(self.plan, assessor, given, self.answers.counts())
        if asked is None:
            return {"done": True, "answered": sum(item.id in given for item in self.plan.items_of(study_plan.TEST))}
        return self._state(asked, given)

    def answer(self):
        """Save an answer unless there is one; returns the saved one."""
        body, name, assessor, item = self._request()
        if body.get("answer") not in self.plan.classes:
            raise exceptions.BadRequest(f"expected an answer out of {', '.join(self.plan.classes)}")
        given = self.answers.answers_of(assessor)
        if item.id not in given:
            if self._too_early(item, given):
                raise exceptions.Conflict("the training utterances come first")
            given[item.id] = self.answers.save(assessor, name, item.id, body["answer"])
        return self._state(item, given)

    def reveal(self):
        """Return the corpus's label to an assessor who has answered."""
        _, _, assessor, item = self._request()
        if self.answers.reveal(assessor, item.id) is None:
            raise exceptions.Conflict("the label is shown after you have answered")
        return self._state(item, self.answers.answers_of(assessor))

    def audio(self, token):
        """The recording as 16-bit WAV, converted from any format and stretch, without its name and tags."""
        if token not in self.items:
            raise exceptions.NotFound("no such recording")
        source = self.sources[self.items[token].id]
        waveform, rate = audio.read_utterance(source)
        wav = io.BytesIO()
        soundfile.write(wav, waveform, rate, format="WAV", subtype="PCM_16")
        wav.seek(0)
        return flask.send_file(wav, mimetype="audio/wav", max_age=3600)

    def _render(self, **values):
        values = {"assessor": None, "emotions": (), "name": "", "problem": "", **values}
        counted = len(self.plan.items_of(study_plan.TEST))
        training = len(self.plan.items) - counted
        return flask.render_template(
            "web_page.html.j2",
            study=self.plan,
            counted=counted,
            training=training,
            longest=study_plan.MAX_NAME,
            **values,
        )

    def _request(self):
        """(body, name, key, item) of a POST."""
        try:
            body = flask.request.get_json()
        except RecursionError as error:
            raise exceptions.BadRequest("JSON that is nested too deeply") from error
        if not isinstance(body, dict):
            raise exceptions.BadRequest("expected a JSON object")
        name, assessor = _assessor(body)
        token = body.get("token")
        if not isinstance(token, str) or token not in self.items:
            raise exceptions.NotFound("no such recording")
        return body, name, assessor, self.items[token]

    def _too_early(self, item, given):
        return item.phase == study_plan.TEST and any(
            other.id not in given for other in self.plan.items_of(study_plan.TRAINING)
        )

    def _state(self, item, given):
        """The data of an utterance for the page."""
        answer = given.get(item.id)
        members = {other.id for other in self.plan.items_of(item.phase)}
        before = [id_ for id_ in given if id_ in members]
        return {
            "done": False,
            "token": study_plan.token(self.plan, item),
            "phase": item.phase,
            "number": before.index(item.id) + 1 if answer else len(before) + 1,
            "total": len(members),
            "answered": len(before),
            "answer": answer and answer.answer,
            "truth": item.emotion if answer and answer.revealed else None,
        }


def _assessor(values):
    """(name, key) of a request."""
    name = values.get("assessor")
    name = study_plan.assessor_name(name if isinstance(name, str) else "")
    return name, study_plan.assessor_key(name)


def _keys(classes):
    return list(KEYS[: len(classes)]) + [""] * (len(classes) - len(KEYS))


def _at_fault(error):
    """Response to an invalid name, or to a recording damaged after the study began."""
    if flask.request.endpoint != "audio":
        return {"error": str(error)}, 400
    flask.current_app.logger.error("%s", error)
    return {"error": str(error)}, 500


def _not_kept(error):
    return {"error": f"the answers file cannot be used at the moment ({error})"}, 503


def _http_error(error):
    return {"error": error.description}, error.code


def _with_headers(response):
    response.headers.update(HEADERS)
    if flask.request.endpoint not in ("audio", "static"):
        response.headers["Cache-Control"] = "no-store"
    return response
