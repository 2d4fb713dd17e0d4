"""The label page in a real Chromium, by keyboard: from the first answer to the score."""

import json
import subprocess
import sys

import pytest

from experiments.listening import answers_file
from tests.support import label_server

pytestmark = pytest.mark.browser
EMOTIONS = ("anger", "sadness")
PLACES = "[...document.querySelectorAll('#work > *, #work button')].map(e => e.getBoundingClientRect().toJSON())"


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Four training utterances, two that count."""
    folder = tmp_path_factory.mktemp("corpus") / "calls"
    return label_server.make_corpus(folder, emotions=EMOTIONS, speakers=3, takes=1)


def enter(window, address, name):
    """A page on which somebody has typed a name."""
    page = window.new_page()
    page.goto(address)
    page.wait_for_selector("#assessor:focus")  # Chromium gives the focus a little after the page is there
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#play:enabled")
    return page


def listen_and_press(page, key):
    page.keyboard.press("Space")
    page.wait_for_selector(".emotion:enabled")
    page.keyboard.press(key)
    page.wait_for_selector("#next:enabled")


def go_on(page):
    """Press Enter and wait for the next recording, or the end."""
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_function("before => location.href !== before", arg=before)


def rows(results):
    return answers_file.Answers(results / "human" / "manifest-calls.sqlite").rows()


def test_from_the_first_answer_to_the_score_by_keyboard(browser, calls, tmp_path):
    pressed = {"Анна": "121212", "Bo": "112122"}
    with label_server.serving(calls, tmp_path) as (_, address):
        for name, keys in pressed.items():
            page = enter(browser, address, name)
            for number, key in enumerate(keys):
                heading = f"Training {number + 1} of 4" if number < 4 else f"Recording {number - 3} of 2"
                assert page.text_content("h1") == heading
                assert page.text_content("#phase") == ("Training: not counted" if number < 4 else "Counted")
                if number == 2:
                    page.reload()
                    page.wait_for_selector("#play:enabled")
                    assert page.text_content("h1") == heading
                listen_and_press(page, key)
                if number == 3:
                    page.reload()
                    page.wait_for_selector("#next:enabled")
                    assert page.text_content("#status") == f"Saved: {EMOTIONS[int(key) - 1]}."
                    page.keyboard.press("a")
                    page.wait_for_selector(".truth")
                go_on(page)
            assert page.text_content("#end h1").startswith("That was the last one")
            assert page.text_content("#total") == "You answered all 2 recordings that count."
        assert not browser.complaints and all(url.startswith(address) for url in browser.asked)

    kept = rows(tmp_path)
    for name, keys in pressed.items():
        assert [row.answer for row in kept if row.assessor == name] == [EMOTIONS[int(key) - 1] for key in keys]
        assert [row.revealed is not None for row in kept if row.assessor == name] == [False] * 3 + [True] + [False] * 2
    counted = [row for row in kept if row.phase == "test"]
    command = [sys.executable, "-c", label_server.PROGRAM, "--score", "--results", tmp_path]
    assert subprocess.run(command, cwd=label_server.ROOT, stdout=subprocess.DEVNULL).returncode == 0
    result = json.loads((tmp_path / "human" / "manifest-calls.json").read_text(encoding="utf-8"))
    assert (result["n"], result["utterances_with_two"], result["training_answers"]) == (4, 2, 8)
    assert result["wa"] == sum(row.answer == row.emotion for row in counted) / 4


def test_two_tabs_and_a_server_that_was_killed(browser, calls, tmp_path):
    with label_server.serving(calls, tmp_path) as (process, address):
        first, second = (enter(browser, address, "Анна") for _ in range(2))
        assert first.url == second.url
        listen_and_press(first, "1")
        places = second.evaluate(PLACES)
        listen_and_press(second, "2")
        assert second.evaluate(PLACES) == places  # three lines on a phone, and nothing moves
        assert "You had answered anger before" in second.text_content("#status")
        assert [row.answer for row in rows(tmp_path)] == ["anger"]
        go_on(first)
        first.keyboard.press("Space")
        first.wait_for_selector(".emotion:enabled")
        process.kill()
        process.wait()
        first.keyboard.press("2")
        first.wait_for_selector(".status.problem")
        assert "Not saved, please choose again" in first.text_content("#status")
    with label_server.serving(calls, tmp_path, "--port", address.rstrip("/").rsplit(":", 1)[1]):
        first.keyboard.press("2")
        first.wait_for_selector("#next:enabled")
        assert [row.answer for row in rows(tmp_path)] == ["anger", "sadness"]


def test_nothing_moves_nothing_overflows_and_focus_is_seen(browser, calls, tmp_path):
    with label_server.serving(calls, tmp_path) as (_, address):
        page = enter(browser, address, "W" * 40)
        places = [page.evaluate(PLACES)]
        assert page.locator(".emotion:enabled").count() == 0  # listening comes first
        page.keyboard.press("1")
        page.keyboard.press("Space")
        page.wait_for_selector(".emotion:enabled")
        places.append(page.evaluate(PLACES))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "play"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        for key, sign in (("1", "#next:enabled"), ("a", ".truth")):
            page.keyboard.press(key)
            page.wait_for_selector(sign)
            places.append(page.evaluate(PLACES))
        assert places[1:] == places[:-1]
        width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert (width, height) == (page.viewport_size["width"], page.viewport_size["height"])
        smallest = page.evaluate("Math.min(...[...document.querySelectorAll('#work button')].map(b => b.offsetHeight))")
        assert smallest >= 48
        page.screenshot(path=tmp_path / "page.png")
