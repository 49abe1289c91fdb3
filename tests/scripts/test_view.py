"""The page as somebody sees it: it loads, Bob moves, and the controls do what they say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from animRL.scripts import view
from animRL.utils.paths import PACKAGE_ROOT, REPO_ROOT
from tests.browser import CHROMIUM, FLAGS, MISSING

SCRIPT = str(PACKAGE_ROOT / "scripts" / "view.py")
SHOTS = os.environ.get("ANIMRL_SCREENSHOTS")
"""Folder to leave screenshots in, to be looked at."""

SIZE, TRUNK = (1100, 600), (550, 260)
"""Of the page [px], and where in it Bob's trunk is."""


def start(*arguments: str, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_envs=0"], "--num_envs 0: valid: 1 to 64"),
        (["--actions=zero", "--load_run=-1"], "--actions: not together with"),
        (["--viewer=hologram"], "invalid choice: 'hologram'"),
        (["--beside=train"], "--beside: needs --load_run"),
        (["--port=99999"], "--port: cannot listen on port 99999"),
        (["--load_run=results/walk", "--port=0"], "--port: cannot listen"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = start(*arguments)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 2 and message in err and len(err.strip().splitlines()) == 1


def test_a_run_that_is_not_there_is_one_line():
    done = start("--load_run=nowhere")
    out, err = done.communicate(timeout=60)
    assert done.returncode == 2 and err.startswith("error: no run 'nowhere'")


def test_the_desktop_needs_a_display():
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k}
    done = start("--viewer=desktop", "--load_run=results/walk", env=environment)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 2 and "there is no display here" in err


def test_ctrl_c_ends_it():
    process = start("--load_run=results/walk")
    assert process.stdout.readline().startswith("live view: http://localhost:")
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and err == "interrupted\n"


def test_it_ends_with_who_started_it():
    process = start("--load_run=results/walk", "--beside=eval", stdin=subprocess.PIPE)
    assert process.stdout.readline().startswith("live view: ")
    process.stdin.close()
    assert process.wait(timeout=30) == 0


def test_the_shipped_policy_is_shown_where_nothing_was_trained(tmp_path, monkeypatch):
    from argparse import Namespace

    args = Namespace(task="walk", load_run=None, experiment_name="none", beside=None)
    monkeypatch.setattr("animRL.utils.paths.LOGS", tmp_path)
    assert view._run(args) == REPO_ROOT / "results" / "walk"


class Browser:
    """One page on a view of the walk that ships."""

    def __init__(self, page, url: str) -> None:
        self.page = page
        page.goto(url)
        self.wait(lambda: self.number("time") > 0.0, "the character moves", 60.0)
        for notice in page.locator(".mantine-Notification-closeButton").all():
            notice.click()  # that WebGL draws in software

    def status(self) -> str:
        return self.page.locator("p", has_text="phase").first.inner_text()

    def number(self, name: str) -> float:
        found = re.search(rf"{name} (-?[0-9.]+)", self.status())
        return float(found.group(1)) if found else float("nan")

    def wait(self, condition, what: str, seconds: float = 20.0) -> None:
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except Exception as error:  # the page is still being built
                last = error
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{what}: not within {seconds:g} s; status {self.status()!r}", last)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, value: float) -> None:
        """Type into the number beside a slider."""
        row = self.page.locator("label", has_text=re.compile(rf"^{re.escape(label)}$"))
        row = row.filter(visible=True).last
        field = row.locator("xpath=ancestor::*[.//input][1]").locator("input[type=text]").first
        field.fill(str(value))
        field.press("Enter")

    def picture(self, name: str = "") -> np.ndarray:
        import io

        from PIL import Image

        shot = self.page.screenshot(clip={"x": 340, "y": 0, "width": 400, "height": SIZE[1]})
        if SHOTS and name:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def hold(self) -> None:
        self.click("Pause")
        self.wait(lambda: self.page.get_by_role("button", name="Go on").is_visible(), "it holds")
        self.settle()

    def settle(self) -> None:
        """Wait until the page has drawn what it was last told."""
        before = self.picture()
        for _ in range(40):
            self.page.wait_for_timeout(250)
            now = self.picture()
            if np.abs(now - before).max() < 8:
                return
            before = now
        raise AssertionError("the picture does not come to rest")


@pytest.fixture(scope="module")
def browser():
    if MISSING:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    process = start("--load_run=results/walk", "--seed=1")
    url = process.stdout.readline().split()[-1]
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = chromium.new_page(viewport=dict(zip(("width", "height"), SIZE)))
            page.set_default_timeout(10_000)
            yield Browser(page, url)
            chromium.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.mark.slow
def test_the_page_shows_a_walk(browser):
    first, begun = browser.picture("walking"), browser.number("time")
    browser.wait(lambda: browser.number("time") > begun + 0.5, "time goes on")
    browser.wait(lambda: np.abs(browser.picture() - first).max() > 60, "Bob moves")
    assert browser.number("reward") > 0.5


@pytest.mark.slow
def test_a_pause_holds_the_picture(browser):
    browser.hold()
    status, first = browser.status(), browser.picture("held")
    browser.page.wait_for_timeout(1500)
    assert browser.status() == status
    assert np.abs(browser.picture() - first).max() < 8


@pytest.mark.slow
def test_a_single_step_is_one_control_step(browser):
    before = browser.number("time")
    browser.click("Single step")
    browser.wait(lambda: browser.number("time") == pytest.approx(before + 0.02), "one step")


@pytest.mark.slow
def test_the_slider_starts_at_a_phase(browser):
    browser.fill("Start phase", 0.5)
    browser.wait(lambda: browser.number("phase") == 0.5, "phase 0.5")
    assert browser.number("time") == 0.0
    browser.settle()
    there = browser.picture("phase_0.5")
    browser.fill("Start phase", 0.0)
    browser.wait(lambda: browser.number("phase") == 0.0, "phase 0")
    browser.settle()
    assert np.abs(browser.picture("phase_0") - there).max() > 60, "another pose is drawn"


def five_steps(browser) -> float:
    for _ in range(5):
        before = browser.number("time")
        browser.click("Single step")
        browser.wait(lambda: browser.number("time") > before, "a step")  # noqa: B023
    return browser.number("reward")


@pytest.mark.slow
def test_a_push_changes_the_state(browser):
    browser.click("Start again")
    browser.wait(lambda: browser.number("time") == 0.0, "the start")
    calm = five_steps(browser)
    browser.click("Start again")
    browser.wait(lambda: browser.number("time") == 0.0, "the start")
    assert five_steps(browser) == calm, "without a push all is as it was"
    browser.click("Start again")
    browser.wait(lambda: browser.number("time") == 0.0, "the start")
    browser.fill("Force [N]", 600.0)
    browser.click("Push")
    pushed = five_steps(browser)
    browser.picture("pushed")
    assert pushed < calm - 0.05


@pytest.mark.slow
def test_the_mouse_pulls(browser):
    browser.click("Start again")
    browser.wait(lambda: browser.number("time") == 0.0, "the start")
    browser.settle()
    mouse = browser.page.mouse
    mouse.move(*TRUNK)
    mouse.down()
    for pull in range(1, 13):
        mouse.move(TRUNK[0] - 20 * pull, TRUNK[1])
        browser.page.wait_for_timeout(50)
    step = browser.page.get_by_role("button", name="Single step", exact=True)
    for _ in range(12):
        before = browser.number("time")
        step.dispatch_event("click")  # the mouse is busy
        browser.wait(lambda: browser.number("time") > before, "a step")  # noqa: B023
    pulled = browser.number("reward")
    browser.picture("pulled")
    mouse.up()
    assert pulled < 0.5, "he is pulled off his way, by a mouse that is held still"


@pytest.mark.slow
def test_a_sigma_slider_changes_the_product_of_the_same_instant(browser):
    browser.click("Start again")
    browser.wait(lambda: browser.number("time") == 0.0, "the start")
    before = five_steps(browser)
    instant = browser.number("time")
    browser.page.get_by_role("tab", name="Reward").click()
    browser.page.get_by_text("track_joint_pos").last.click()
    browser.fill("sigma", 0.15)
    browser.wait(lambda: browser.number("reward") < before - 0.02, "a smaller product")
    browser.page.wait_for_timeout(500)
    browser.picture("sigma")
    assert browser.number("time") == instant
    table = browser.page.locator("table").inner_text()
    values = {k: float(v) for k, v in re.findall(r"(\w+)\s+([01]\.\d{3})", table)}
    product = np.prod([value for name, value in values.items() if name != "total"])
    assert values["total"] == pytest.approx(product, abs=0.004)
    assert values["total"] == browser.number("reward")
