"""Whole studies in a real browser, answered by keyboard and by mouse."""

import json
import time

import pytest
from browsers import errors_of, needs_browser, open_browser, requests_of

from tfgan_suite.study.analyse import analyse

pytest.importorskip("scipy")
pytestmark = needs_browser
PAUSE = 0.25  # above the page's own lock


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


def find(browser, name):
    return browser.find_element("id", name)


def start(browser, page, rater):
    browser.get(page.as_uri())
    find(browser, "rater").send_keys(rater, "\ue007")
    assert find(browser, "trial").is_displayed()


def press(browser, key):
    time.sleep(PAUSE)
    browser.switch_to.active_element.send_keys(key)


def place(browser):
    return find(browser, "place").text


def save(browser, rater):
    name = find(browser, "file").text
    find(browser, "save").click()
    path = browser.downloads / name
    for _ in range(100):
        if path.exists() and path.stat().st_size:
            break
        time.sleep(0.1)
    assert name.endswith(f"_{rater}.json") and "Saved" in find(browser, "saved").text
    return path


def shown_names(browser):
    """Opaque names of the images on the screen, from left to right."""
    return browser.execute_script("""
        const study = JSON.parse(document.getElementById("study").textContent);
        const names = Object.fromEntries(Object.entries(study.images).map(([k, v]) => [v, k]));
        return [...document.querySelectorAll("#images img")].map((image) => names[image.src]);
    """)


def fine(browser):
    """No errors and no request in the browser's own log."""
    assert errors_of(browser) == []
    requested = requests_of(browser)
    assert [name for name in requested if not name.startswith(("data:", "blob:"))] == []


def test_a_preference_study_from_page_to_analysis(browser, study):
    """Keyboard; a reload in the middle; back; the first folder preferred, but once."""
    made, key = study("preference")
    start(browser, made.page, "ann")
    choices = []
    for number in range(made.trials):
        assert place(browser) == f"Question {number + 1} of {made.trials}"
        names = shown_names(browser)
        sides = [key["images"][name]["side"] for name in names]
        wanted = sides.index("first") if "first" in sides else 0
        if sides == ["catch", "first"]:
            wanted = 1
        if number == 3:
            browser.refresh()
            assert place(browser) == f"Question 4 of {made.trials}"
            assert shown_names(browser) == names
        if number == 5:  # a slip, taken back
            press(browser, "2" if wanted == 0 else "1")
            press(browser, "u")
            assert shown_names(browser) == names
        choices.append(names[wanted])
        press(browser, ["\ue012", "\ue014"][wanted] if number % 2 else "12"[wanted])
    assert find(browser, "done").is_displayed()
    browser.refresh()  # also here nothing is lost
    path = save(browser, "ann")
    fine(browser)
    given = json.loads(path.read_text())
    assert [answer["answer"] for answer in given["answers"]] == choices
    assert all(answer["ms"] >= 200 for answer in given["answers"])
    found = analyse([path], made.key)
    assert found["automated"] == ["ann"] and found["excluded"] == []
    assert found["results"]["first_preferred"]["share"] == 1.0
    assert found["results"]["left_chosen"]["share"] == 0.5


def test_a_turing_study_by_mouse_and_a_second_rater(browser, study):
    made, key = study("turing")
    files = []
    for rater in ("bob", "cleo"):
        if rater == "bob":
            start(browser, made.page, rater)
        else:
            find(browser, "anew").click()
            find(browser, "rater").send_keys(rater, "\ue007")
        for _ in range(made.trials):
            (name,) = shown_names(browser)
            answer = "real" if key["images"][name]["side"] == "first" else "generated"
            time.sleep(PAUSE)
            browser.find_element("css selector", f"[data-answer={answer}]").click()
        files.append(save(browser, rater))
    fine(browser)
    found = analyse(files, made.key)
    assert found["raters"] == 2 and found["results"]["correct"]["share"] == 1.0
    orders = [[a["trial"] for a in json.loads(f.read_text())["answers"]] for f in files]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])


def test_grades_and_presses_that_do_not_count(browser, study):
    made, key = study("mos")
    start(browser, made.page, "dan")
    active = browser.switch_to.active_element
    active.send_keys("555")  # within the lock, or held down: one answer at most
    assert place(browser) in (f"Question {n} of {made.trials}" for n in (1, 2))
    while place(browser) != f"Question 1 of {made.trials}":
        press(browser, "u")
    press(browser, "9")
    assert place(browser) == f"Question 1 of {made.trials}"
    for _ in range(made.trials):
        (name,) = shown_names(browser)
        press(browser, {"first": "4", "second": "2", "catch": "1"}[key["images"][name]["side"]])
    found = analyse([save(browser, "dan")], made.key)["results"]
    assert (found["first"]["mean"], found["second"]["mean"]) == (4.0, 2.0)


def test_names_that_no_file_can_have_are_refused(browser, study):
    made, _ = study("mos")
    browser.get(made.page.as_uri())
    browser.execute_script("localStorage.clear()")
    start_name = "../x y"
    browser.refresh()
    find(browser, "rater").send_keys(start_name, "\ue007")
    assert "letters" in find(browser, "rater-error").text
    assert not find(browser, "trial").is_displayed()


def test_the_page_fits_a_phone_and_a_screen_reader(browser, study):
    made, _ = study("preference")
    browser.get(made.page.as_uri())
    browser.execute_script("localStorage.clear()")
    phone = {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        start(browser, made.page, "eve")
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 360
        for button in browser.find_elements("css selector", "#images button"):
            box = button.rect
            assert box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= 360
            assert button.accessible_name.startswith(("Left", "Right"))
        assert find(browser, "progress").accessible_name.startswith("Question 1")
        assert browser.switch_to.active_element.get_attribute("id") == "question"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
