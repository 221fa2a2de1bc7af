"""The page of examples/service in a real Chromium, while workers die."""

import contextlib
import signal
import sys

import pytest
from playwright.sync_api import expect

from tests.test_example_pages import findings, messages, say, state
from tests.test_service import running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no Valkey in a wheel for Windows"),
]

PASSWORDS = {"ann": "lovelace", "ben": "franklin"}


@pytest.fixture(scope="module")
def service():
    with running() as service:
        yield service


@pytest.fixture
def windows(new_page):
    """Opens windows of which each knows nothing of the others, as two browsers' would. Nothing may go wrong unseen."""
    with contextlib.ExitStack() as stack:

        def open_one(**options):
            page = stack.enter_context(contextlib.closing(new_page(ignore_https_errors=True, **options)))
            opened.append(page)
            return page

        opened = []
        yield open_one
        problems = [problem for page in opened for problem in page.problems]
    # What Chromium says itself when a connection is lost, or when there is no network.
    assert not [
        problem for problem in problems if not problem.startswith(("WebSocket connection to", "Failed to load"))
    ]


def log_in(page, service, user: str) -> None:
    page.goto(service.origin)
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(PASSWORDS[user])
    page.get_by_role("button", name="Log in").click()
    expect(state(page)).to_have_text(f"logged in as {user}")


def enter(page, service, user: str, room: str) -> None:
    log_in(page, service, user)
    page.get_by_label("Room").fill(room)
    page.get_by_role("button", name="Join").click()
    expect(state(page)).to_have_text("connected")


def on_its_way(page):
    return page.get_by_role("list", name="On its way").get_by_role("listitem")


def test_two_windows_talk_while_each_worker_is_killed_and_all_restarted(service, windows):
    ann, ben = windows(), windows()
    enter(ann, service, "ann", "kills")
    enter(ben, service, "ben", "kills")
    for page in (ann, ben):
        expect(page.locator("#here")).to_have_text("ann, ben")
    heard = []

    def both_say(what: str) -> None:
        for page, name in ((ann, "ann"), (ben, "ben")):
            say(page, f"<b>{what}</b>")
            heard.append(f"{name}: <b>{what}</b>")

    def all_is_heard() -> None:
        for page in (ann, ben):
            expect(messages(page)).to_have_count(len(heard))
            expect(on_its_way(page)).to_have_count(0)
        assert messages(ann).all_inner_texts() == messages(ben).all_inner_texts()
        assert sorted(messages(ann).all_inner_texts()) == sorted(heard)

    both_say("hello")
    all_is_heard()
    for n, worker in enumerate(service.workers):
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
        both_say(f"worker {n} is gone")
        worker.start()
        all_is_heard()
    both_say("before")
    service.restart_workers()
    both_say("after")
    all_is_heard()


def test_logging_out_in_one_window_ends_the_other(service, browser):
    with contextlib.closing(browser.new_context(ignore_https_errors=True)) as context:
        page, other = context.new_page(), context.new_page()
        enter(page, service, "ann", "out")
        other.goto(service.origin)
        expect(state(other)).to_have_text("logged in as ann")
        other.get_by_role("button", name="Log out").click()
        expect(state(other)).to_have_text("you are logged out")
        expect(state(page)).to_have_text("logged out")
        expect(page.get_by_label("User")).to_be_focused()
        page.get_by_label("User").fill("ann")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(state(page)).to_have_text("wrong user or password")


def test_a_logout_that_failed_does_not_look_like_one(service, windows):
    page = windows()
    page.goto(service.origin)
    for fails, says in (
        (lambda route: route.abort(), "the server cannot be reached"),
        (lambda route: route.fulfill(status=503), "try again later"),
    ):
        page.route("**/login", fails)
        page.get_by_label("User").fill("ann")
        page.get_by_label("Password").fill("lovelace")
        page.get_by_role("button", name="Log in").click()
        expect(state(page)).to_have_text(says)
        page.unroute("**/login")
    log_in(page, service, "ann")
    page.route("**/logout", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Log out").click()
    expect(state(page)).to_have_text("not logged out: try again later")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.route("**/me", lambda route: route.fulfill(status=503, json={"detail": "try again later"}))
    page.reload()
    expect(state(page)).to_have_text("the server cannot be reached")


def test_a_page_goes_offline_and_has_missed_nothing(service, windows):
    ann, ben = windows(), windows()
    enter(ann, service, "ann", "train")
    enter(ben, service, "ben", "train")
    ann.context.set_offline(True)
    expect(state(ann)).to_have_text("offline: what you write is sent later")
    say(ann, "from the train")
    expect(on_its_way(ann)).to_have_text(["from the train"])
    say(ben, "where are you?")
    expect(messages(ben)).to_have_text(["ben: where are you?"])
    ann.context.set_offline(False)
    for page in (ann, ben):
        expect(messages(page)).to_have_text(["ben: where are you?", "ann: from the train"])
    expect(on_its_way(ann)).to_have_count(0)


def test_it_comes_back_from_the_back_forward_cache(service, with_cache):
    ann, ben = (with_cache.new_page(ignore_https_errors=True) for _ in range(2))
    enter(ann, service, "ann", "cache")
    ann.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; })")
    ann.goto(f"{service.origin}/connection.js")
    enter(ben, service, "ben", "cache")
    say(ben, "come back")
    expect(messages(ben)).to_have_text(["ben: come back"])
    ann.go_back(wait_until="commit")
    expect(messages(ann)).to_have_text(["ben: come back"])
    assert ann.evaluate("persisted")  # it has not been loaded anew


def test_with_the_keyboard_alone(service, windows):
    page = windows()
    page.goto(service.origin)
    for text in ("ben", "franklin"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Join")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(messages(page).last).to_have_text("ben: by keyboard")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("log")).to_be_focused()  # to scroll it
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(state(page)).to_have_text("you have left")
    expect(page.get_by_role("button", name="Join")).to_be_focused()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_it(service, windows, scheme, width):
    page = windows(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto(service.origin)
    findings(page)
    enter(page, service, "ann", f"wide-{scheme}")
    say(page, "a long message without a space: " + "x" * 200)
    expect(messages(page)).to_have_count(1)
    page.context.set_offline(True)
    say(page, "kept, and long, too: " + "x" * 200)
    expect(on_its_way(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    findings(page)
