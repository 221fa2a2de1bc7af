"""The examples' pages in a real Chromium, as a reader uses them: with a mouse, with the keyboard alone, on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.lessons import ROOT
from tests.test_examples import program

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def echo():
    with program("-m", "examples.echo", "--port", "0") as (_, port):
        yield port


def state(page):
    return page.get_by_role("status")


def messages(page):
    return page.get_by_role("log").locator("p")


def close_and_expect(page, *problems: str) -> None:
    """Ends a page on which things had to go wrong: each of them is one of `problems`, by a part of its text.

    The page is closed before they are looked at, and while the server still runs: what the browser says of an answer
    that was broken off comes late.
    """
    page.close()
    assert [problem for problem in page.problems if not any(part in problem for part in problems)] == []
    page.problems.clear()


def test_a_conversation_on_an_examples_page(page, echo):
    page.goto(f"http://127.0.0.1:{echo}/")
    expect(state(page)).to_have_text("not connected")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("connected")
    page.get_by_label("Your message").fill("<b>hello</b>")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_text(["You: <b>hello</b>", "Server: You wrote: <b>hello</b>"])
    expect(page.get_by_label("Your message")).to_have_value("")
    page.get_by_role("button", name="Disconnect").click()
    expect(state(page)).to_have_text("closed with code 1000")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("connected")


def test_an_examples_page_with_the_keyboard_alone(page, echo):
    page.goto(f"http://127.0.0.1:{echo}/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["You: by keyboard", "Server: You wrote: by keyboard"])
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Disconnect")).to_be_focused()
    page.keyboard.press("Space")
    expect(state(page)).to_have_text("closed with code 1000")
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_focused()


def test_an_examples_page_whose_server_goes_away_and_comes_back(page):
    with program("-m", "examples.echo", "--port", "0") as (process, port):
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_role("button", name="Connect", exact=True).click()
        page.get_by_label("Your message").fill("half a sen")
        process.kill()
        expect(state(page)).to_have_text("closed with code 1006")
    expect(page.get_by_label("Your message")).to_be_focused()  # who writes is not interrupted
    expect(page.get_by_label("Your message")).to_have_value("half a sen")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("closed with code 1006")
    assert all("WebSocket connection to" in problem for problem in page.problems)
    page.problems.clear()
    with program("-m", "examples.echo", "--port", str(port)):
        page.get_by_role("button", name="Connect", exact=True).click()
        expect(state(page)).to_have_text("connected")
        page.get_by_role("button", name="Send").click()
        expect(messages(page)).to_have_text(["You: half a sen", "Server: You wrote: half a sen"])


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("https://chat.example/", "wss://chat.example/ws"),
        ("https://example.org/user/ann/proxy/8000/", "wss://example.org/user/ann/proxy/8000/ws"),
        ("http://192.0.2.7:8080/index.html?x=1#top", "ws://192.0.2.7:8080/ws"),
    ],
)
def test_an_examples_page_finds_its_address(page, place, address):
    folder = ROOT / "examples" / "echo" / "page"

    def answer(route):
        name = re.search(r"/page/([\w.]+)$", route.request.url)
        route.fulfill(path=folder / (name[1] if name else "index.html"))

    asked = []
    page.route("**/*", answer)
    page.route_web_socket("**", lambda ws: asked.append(ws.url))
    page.goto(place)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("connected")
    assert asked == [address]


# Shades do not depend on the width, nor roles and names on the shade.
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 320),
        ("dark", 1280),
        pytest.param("light", 1280, marks=pytest.mark.thorough),
        pytest.param("dark", 320, marks=pytest.mark.thorough),
    ],
)
def test_everybody_can_use_an_examples_page(page, echo, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"http://127.0.0.1:{echo}/")
    findings(page)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_label("Your message").fill("a long message without a space: " + "x" * 200)
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    findings(page)


def findings(page):
    """What axe-core finds must be nothing."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_scan_would_find_something(page, echo):
    page.goto(f"http://127.0.0.1:{echo}/")
    page.evaluate("document.querySelector('label').remove()")
    with pytest.raises(AssertionError, match="label"):
        findings(page)


@pytest.fixture(scope="module")
def rooms():
    with program("-m", "examples.room", "--port", "0") as (_, port):
        yield port


def join(page, port: int, name: str, room: str = "lobby"):
    page.goto(f"http://127.0.0.1:{port}/")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Room").fill(room)
    page.get_by_role("button", name="Join").click()
    expect(state(page)).to_have_text("connected")


def who_is_here(page):
    return page.get_by_role("list", name="Who is here").get_by_role("listitem")


def test_two_windows_talk_in_a_room(page, new_page, rooms):
    join(page, rooms, "Ann")
    other, tab = new_page(), new_page()
    join(other, rooms, "<b>Ben</b>")
    for window in (page, other):
        expect(who_is_here(window)).to_have_text(["<b>Ben</b>", "Ann"])
    other.get_by_label("Your message").fill("<i>hello</i>")
    other.get_by_role("button", name="Send").click()
    for window in (page, other):
        expect(messages(window)).to_have_text(["<b>Ben</b>: <i>hello</i>"])
    join(tab, rooms, "<b>Ben</b>")  # with a second tab, he is here once, and still is when the first one is gone
    expect(who_is_here(tab)).to_have_text(["<b>Ben</b>", "Ann"])
    other.close()
    tab.get_by_label("Your message").fill("again")
    tab.get_by_label("Your message").press("Enter")
    expect(messages(page)).to_have_text(["<b>Ben</b>: <i>hello</i>", "<b>Ben</b>: again"])
    expect(who_is_here(page)).to_have_text(["<b>Ben</b>", "Ann"])
    tab.close()
    expect(who_is_here(page)).to_have_text(["Ann"])
    assert not other.problems + tab.problems


def test_a_room_with_the_keyboard_alone(page, rooms):
    page.goto(f"http://127.0.0.1:{rooms}/")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your name")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("Ann")
    page.keyboard.press("Tab")
    page.keyboard.type("a room & more?")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["Ann: by keyboard"])
    for _ in range(2):  # past what is said
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Leave")).to_be_focused()
    page.keyboard.press("Space")
    expect(state(page)).to_have_text("closed with code 1000")
    expect(page.get_by_role("button", name="Join")).to_be_focused()
    expect(who_is_here(page)).to_have_count(0)


def test_a_room_whose_server_goes_away_and_comes_back(page):
    with program("-m", "examples.room", "--port", "0") as (process, port):
        join(page, port, "Ann")
        expect(who_is_here(page)).to_have_text(["Ann"])
        page.get_by_label("Your message").fill("half a sen")
        process.kill()
        expect(state(page)).to_have_text("closed with code 1006")
    expect(who_is_here(page)).to_have_count(0)
    expect(page.get_by_label("Your message")).to_be_focused()  # who writes is not interrupted
    with program("-m", "examples.room", "--port", str(port)):
        page.get_by_role("button", name="Join").click()
        expect(who_is_here(page)).to_have_text(["Ann"])
        expect(page.get_by_label("Your message")).to_have_value("half a sen")


def test_a_room_that_was_offline_for_a_moment_has_missed_nothing(page, new_page, rooms):
    """A browser keeps the connection, and TCP brings later what was under way."""
    join(page, rooms, "Kim", "the train")
    other = new_page()
    join(other, rooms, "Lou", "the train")
    page.context.set_offline(True)
    say(other, "hello")
    expect(messages(other)).to_have_text(["Lou: hello"])
    say(page, "from the train")
    expect(state(page)).to_have_text("connected")
    expect(messages(page)).to_have_count(0)
    page.context.set_offline(False)
    for window in (page, other):
        expect(messages(window)).to_have_text(["Lou: hello", "Kim: from the train"])
    other.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_the_rooms_page(page, rooms, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"http://127.0.0.1:{rooms}/")
    findings(page)
    join(page, rooms, "n" * 40, room=f"a room for {scheme}")
    page.get_by_label("Your message").fill("a long message without a space: " + "x" * 200)
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_count(1)
    expect(who_is_here(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    findings(page)


ASK = """([path, versions]) => new Promise(resolve => {
    const socket = new WebSocket(new URL(path, location.href.replace('http', 'ws')), versions);
    socket.onopen = () => socket.send('{"type": "read", "id": 1, "room": "kitchen"}');
    socket.onmessage = event => resolve([socket.protocol, JSON.parse(event.data)]);
    socket.onclose = event => resolve([event.code]);
})"""


def test_a_browser_speaks_the_contracts_version_and_reads_its_replies(page):
    with program("-m", "examples.contract", "--port", "0") as (_, port):
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto(f"http://127.0.0.1:{port}/contract")
        reading = {"type": "reading", "id": 1, "celsius": 19.5, "heats": True}
        assert page.evaluate(ASK, ["/heating", ["heating.v2", "heating.v1"]]) == ["heating.v1", reading]
        assert page.evaluate(ASK, ["/heating", []]) == ["", reading]
        assert page.evaluate(ASK, ["/heating", ["heating.v2"]]) == [1006]
        assert all("Unexpected response code: 403" in problem for problem in page.problems)
        page.problems.clear()


@pytest.mark.parametrize(("text", "is_read"), [('{"celsius":NaN}', False), ('{"celsius":null}', True)])
def test_a_browser_reads_no_nan(page, text, is_read):
    parse = "text => { try { JSON.parse(text); return null; } catch (error) { return error.name; } }"
    assert page.evaluate(parse, text) == (None if is_read else "SyntaxError")


# --- accounts ---


@pytest.fixture(scope="module")
def accounts():
    with program("-m", "examples.accounts", "--port", "0") as (_, port):
        yield f"http://127.0.0.1:{port}/"


def log_in(page, user: str, password: str) -> None:
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def write(page, text: str) -> None:
    page.get_by_label("Dear diary").fill(text)
    page.get_by_role("button", name="Send").click()


def test_log_in_talk_and_log_out(page, accounts):
    page.goto(accounts)
    expect(state(page)).to_have_text("not logged in")
    log_in(page, "ann", "franklin")
    expect(state(page)).to_have_text("wrong user or password")
    assert [problem for problem in page.problems if "403" not in problem] == []
    page.problems.clear()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    write(page, "<b>hello</b>")
    expect(messages(page)).to_have_text(["ann: <b>hello</b>"])
    expect(page.get_by_label("Password")).to_be_hidden()
    page.get_by_role("button", name="Log out").click()
    expect(state(page)).to_have_text("you are logged out")
    log_in(page, "ben", "franklin")
    expect(state(page)).to_have_text("connected")
    expect(messages(page)).to_have_count(0)  # what Ann has written is not for Ben
    write(page, "good morning")
    expect(messages(page)).to_have_text(["ben: good morning"])


def test_a_logout_in_another_window_ends_it(page, accounts):
    page.goto(accounts)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    with page.expect_popup() as opening:
        page.evaluate("void open(location.href)")
    other = opening.value
    expect(state(other)).to_have_text("connected")  # it has the same cookie
    page.get_by_label("Dear diary").fill("half a sen")
    other.get_by_role("button", name="Log out").click()
    for window in (other, page):
        expect(state(window)).to_have_text("you are logged out")
        expect(window.get_by_label("User")).to_be_visible()
        expect(window.get_by_label("Dear diary")).to_be_hidden()
    expect(page.get_by_label("User")).to_be_focused()
    page.reload()
    expect(state(page)).to_have_text("not logged in")


def test_a_login_in_another_window_ends_what_no_logout_could_reach(page, accounts):
    page.goto(accounts)
    with page.expect_popup() as opening:
        page.evaluate("void open(location.href)")
    other = opening.value
    expect(state(other)).to_have_text("not logged in")
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    log_in(other, "ben", "franklin")
    expect(state(other)).to_have_text("connected")
    expect(state(page)).to_have_text("you are logged out")


def test_accounts_with_the_keyboard_alone(page, accounts):
    page.goto(accounts)
    page.keyboard.press("Tab")
    for label, text in [("User", "ann"), ("Password", "lovelace")]:
        expect(page.get_by_label(label)).to_be_focused()
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Dear diary")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["ann: by keyboard"])
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_label("User")).to_be_focused()


def test_accounts_shows_a_fresh_ticket_in_time(page, accounts):
    page.clock.install()
    page.goto(accounts)
    with page.expect_websocket() as opening:
        log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    with opening.value.expect_event("framesent") as sent:
        page.clock.run_for(300_000)  # milliseconds: half of FRESH
    assert sent.value.startswith("ticket ")
    write(page, "ticket to Rome")  # it is connected still
    expect(messages(page)).to_have_text(["ann: ticket to Rome"])


def test_accounts_whose_server_goes_away_and_comes_back(page):
    with program("-m", "examples.accounts", "--port", "0") as (process, port):
        page.goto(f"http://127.0.0.1:{port}/")
        log_in(page, "ann", "lovelace")
        expect(state(page)).to_have_text("connected")
        page.get_by_label("Dear diary").fill("half a sen")
        process.kill()
        expect(state(page)).to_have_text("closed with code 1006")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("the server cannot be reached")
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_focused()
    expect(page.get_by_label("Dear diary")).to_have_value("half a sen")
    with program("-m", "examples.accounts", "--port", str(port)):
        page.get_by_role("button", name="Connect", exact=True).click()
        expect(state(page)).to_have_text("you are logged out")  # the server has forgotten its sessions
        close_and_expect(page, "Failed to load resource", "WebSocket connection to")


def test_accounts_that_were_offline_for_a_moment_have_missed_nothing(page, accounts):
    page.goto(accounts)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    page.context.set_offline(True)
    write(page, "from the train")
    expect(state(page)).to_have_text("connected")
    expect(messages(page)).to_have_count(0)
    page.context.set_offline(False)
    expect(messages(page)).to_have_text(["ann: from the train"])


def test_who_logs_in_offline_is_told_so_and_may_try_again(page, accounts):
    page.goto(accounts)
    expect(state(page)).to_have_text("not logged in")
    page.context.set_offline(True)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("the server cannot be reached")
    page.context.set_offline(False)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    close_and_expect(page, "Failed to load resource", "WebSocket connection to")


def test_a_logout_that_failed_does_not_look_like_one(page, accounts):
    page.goto(accounts)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    for fails in (lambda route: route.abort(), lambda route: route.fulfill(status=503)):
        page.route("**/logout", fails)
        page.get_by_role("button", name="Log out").click()
        expect(state(page)).to_have_text("not logged out: try again later")
        page.unroute("**/logout")
        page.reload()
        expect(state(page)).to_have_text("connected")  # still logged in
    page.get_by_role("button", name="Log out").click()
    expect(state(page)).to_have_text("you are logged out")
    close_and_expect(page, "Failed to load resource", "WebSocket connection to")


def test_accounts_at_another_address_says_what_to_do(page, accounts):
    page.goto(accounts.replace("127.0.0.1", "localhost"))
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text(re.compile(r"^refused: is http://localhost:\d+ the address the server says\?$"))
    close_and_expect(page, "code: 403")


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_accounts(page, accounts, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(accounts)
    findings(page)
    log_in(page, "ann", "lovelace")
    write(page, "a long entry without a space: " + "x" * 200)
    expect(messages(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    findings(page)


# --- three ways ---

WAYS = {
    "WebSocket": "cut off, comes back",
    "Server-sent events": "cut off, comes back",
    "Long polling": "cut off, asks again",
}


def way(page, name: str):
    return page.get_by_role("region", name=name)


def publish(page, text: str) -> None:
    page.get_by_label("What is new?").fill(text)
    page.get_by_role("button", name="Publish").click()


def test_the_same_news_in_three_ways_and_again_after_a_restart(page):
    with program("-m", "examples.three_ways", "--port", "0") as (process, port):
        page.goto(f"http://127.0.0.1:{port}/")
        publish(page, "<b>1-0</b>")
        expect(page.get_by_label("What is new?")).to_have_value("")
        for name in WAYS:
            expect(messages(way(page, name))).to_have_text(["<b>1-0</b>"])
            expect(state(way(page, name))).to_have_text("connected")
        process.kill()
        for name, says in WAYS.items():
            expect(state(way(page, name))).to_have_text(says)
        publish(page, "2-0")
        expect(page.get_by_role("alert")).to_have_text("That did not get through.")
    expect(page.get_by_label("What is new?")).to_have_value("2-0")
    with program("-m", "examples.three_ways", "--port", str(port)):
        expect(state(way(page, "Server-sent events"))).to_have_text("connected")
        page.get_by_role("button", name="Publish").click()
        for name in WAYS:
            missing = ["(Something is missing here.)"] if name == "Server-sent events" else []
            expect(messages(way(page, name))).to_have_text(["<b>1-0</b>", *missing, "2-0"])
            expect(state(way(page, name))).to_have_text("connected")
        expect(page.get_by_role("alert")).to_have_text("")
        close_and_expect(page, "net::ERR_")


def test_three_ways_that_are_cut_off_by_a_proxy_miss_nothing(page):
    """It answers 502 for a while, as when a server restarts behind it: an EventSource gives up at that."""
    with program("-m", "examples.three_ways", "--port", "0") as (_, port):
        is_down = True
        page.route("**/sse?*", lambda route: route.fulfill(status=502) if is_down else route.continue_())
        page.goto(f"http://127.0.0.1:{port}/")
        expect(state(way(page, "Server-sent events"))).to_have_text("cut off, comes back")
        publish(page, "1-0")
        is_down = False
        for name in WAYS:
            expect(messages(way(page, name))).to_have_text(["1-0"])
        close_and_expect(page, "502")


def test_a_stream_that_a_proxy_has_refused_says_what_it_has_seen(page):
    """Its browser has given up at the 502, and with a new EventSource it would be a newcomer."""
    is_down = False
    page.route("**/sse?*", lambda route: route.fulfill(status=502) if is_down else route.continue_())
    with program("-m", "examples.three_ways", "--port", "0") as (process, port):
        page.goto(f"http://127.0.0.1:{port}/")
        publish(page, "1-0")
        expect(messages(way(page, "Server-sent events"))).to_have_text(["1-0"])
        is_down = True
        with page.expect_response(lambda response: response.status == 502):
            process.kill()
    with program("-m", "examples.three_ways", "--port", str(port)):
        is_down = False
        expect(state(way(page, "Server-sent events"))).to_have_text("connected")
        publish(page, "2-0")
        for name in WAYS:
            missing = ["(Something is missing here.)"] if name == "Server-sent events" else []
            expect(messages(way(page, name))).to_have_text(["1-0", *missing, "2-0"])
        close_and_expect(page, "net::ERR_", "502")


@pytest.fixture(scope="module")
def three_ways():
    with program("-m", "examples.three_ways", "--port", "0") as (_, port):
        yield port


def test_three_ways_with_the_keyboard_alone(page, three_ways):
    page.goto(f"http://127.0.0.1:{three_ways}/")
    page.keyboard.press("Tab")
    expect(page.get_by_label("What is new?")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    for name in WAYS:
        expect(messages(way(page, name)).last).to_have_text("by keyboard")
    expect(page.get_by_label("What is new?")).to_be_focused()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_the_page_of_three_ways(page, three_ways, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"http://127.0.0.1:{three_ways}/")
    findings(page)
    publish(page, "x" * 200)
    for name in WAYS:
        expect(messages(way(page, name)).last).to_have_text("x" * 200)


# --- a page that comes back ---


@pytest.fixture(scope="module")
def comes_back():
    with program("-m", "examples.page", "--port", "0") as (_, port):
        yield f"http://127.0.0.1:{port}/"


def take_a_seat(page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()


def say(page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()


def not_sent(page):
    return page.get_by_role("list", name="Not sent yet").get_by_role("listitem")


def test_two_windows_talk_and_leave(page, new_page, comes_back):
    take_a_seat(page, comes_back, "Ann")
    expect(state(page)).to_have_text("connected")
    other = new_page()
    take_a_seat(other, comes_back, "<b>Ben</b>")
    say(other, "<i>hello</i>")
    expect(messages(page)).to_have_text(["Ann is here", "<b>Ben</b> is here", "<b>Ben</b>: <i>hello</i>"])
    other.get_by_role("button", name="Leave").click()
    expect(state(other)).to_have_text("you have left")
    expect(other.get_by_role("button", name="Join")).to_be_focused()
    say(page, "bye")
    expect(messages(page).last).to_have_text("Ann: bye")
    other.get_by_role("button", name="Join").click()
    expect(messages(page).last).to_have_text("<b>Ben</b> is here")
    expect(messages(other).last).to_have_text("<b>Ben</b> is here")
    expect(messages(other).filter(has_text="bye")).to_have_count(0)
    assert not other.problems
    other.close()


STATES = """() => {
    window.states = [];
    const element = document.getElementById("state");
    new MutationObserver(() => states.push(element.textContent)).observe(element, { childList: true });
}"""


def test_a_page_comes_back_by_itself_when_the_server_does(page):
    with program("-m", "examples.page", "--port", "0") as (process, port):
        take_a_seat(page, f"http://127.0.0.1:{port}/", "Ann")
        expect(messages(page)).to_have_text(["Ann is here"])
        page.evaluate(STATES)
        process.kill()
        expect(state(page)).to_have_text("connecting")
    say(page, "one")
    say(page, "two")
    expect(not_sent(page)).to_have_text(["one", "two"])
    page.get_by_label("Your message").fill("half a sen")
    with page.expect_event("websocket"), page.expect_event("websocket"):
        pass  # more than once
    with program("-m", "examples.page", "--port", str(port)):
        expect(messages(page)).to_have_text(["Ann is here", "Ann is here", "Ann: one", "Ann: two"])
        expect(not_sent(page)).to_have_count(0)
        expect(page.get_by_label("Your message")).to_be_focused()  # who writes is not interrupted
        expect(page.get_by_label("Your message")).to_have_value("half a sen")
        assert page.evaluate("states") == ["connecting", "connected"]  # a screen reader says nothing else
        close_and_expect(page, "WebSocket connection to")


def test_a_page_goes_offline_and_comes_back(page, new_page, comes_back):
    take_a_seat(page, comes_back, "Cleo")
    expect(messages(page)).to_have_text(["Cleo is here"])
    page.context.set_offline(True)
    expect(state(page)).to_have_text("offline: what you write is sent later")
    say(page, "from the train")
    expect(not_sent(page)).to_have_text(["from the train"])
    other = new_page()
    take_a_seat(other, comes_back, "Dan")
    expect(messages(other)).to_have_text(["Dan is here"])
    page.context.set_offline(False)
    expect(messages(other)).to_have_text(["Dan is here", "Cleo is here", "Cleo: from the train"])
    expect(not_sent(page)).to_have_count(0)
    page.context.set_offline(True)
    expect(state(page)).to_have_text("offline: what you write is sent later")
    page.get_by_role("button", name="Leave").click()
    page.context.set_offline(False)
    expect(state(page)).to_have_text("you have left")
    other.close()


def test_a_page_stays_away_when_it_is_told_so(page, new_page, comes_back):
    page.clock.install()
    take_a_seat(page, comes_back, "Eve")
    expect(state(page)).to_have_text("connected")
    opened = []
    page.on("websocket", lambda socket: opened.append(socket))
    other = new_page()
    take_a_seat(other, comes_back, "Eve")
    expect(state(page)).to_have_text("here in another window")
    expect(page.get_by_role("button", name="Join")).to_be_enabled()
    page.clock.run_for(300_000)  # milliseconds
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(state(other)).to_have_text("connected")
    assert opened == []
    page.get_by_role("button", name="Join").click()  # but its reader may want to
    expect(state(other)).to_have_text("here in another window")
    other.close()

    page.get_by_role("button", name="Leave").click()
    page.evaluate("document.getElementById('name').removeAttribute('maxlength')")
    page.get_by_label("Your name").fill("n" * 41)
    page.get_by_role("button", name="Join").click()
    expect(state(page)).to_have_text("a name has 1 to 40 letters")  # 1008
    opened.clear()
    page.clock.run_for(300_000)
    assert opened == []


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("https://chat.example/", "wss://chat.example/ws?name=Ann+%26+Ben"),
        ("https://example.org/user/ann/proxy/8000/", "wss://example.org/user/ann/proxy/8000/ws?name=Ann+%26+Ben"),
        ("http://192.0.2.7:8080/index.html?x=1#top", "ws://192.0.2.7:8080/ws?name=Ann+%26+Ben"),
    ],
)
def test_a_page_that_comes_back_finds_its_address(page, place, address):
    asked = []
    serve_without_a_server(page, "page")
    page.route_web_socket("**", lambda ws: asked.append(ws.url))
    take_a_seat(page, place, "Ann & Ben")
    expect(state(page)).to_have_text("connected")
    assert asked == [address]


def serve_without_a_server(page, example: str) -> None:
    """Whatever is asked for is answered with the files of an example's page."""
    folder = ROOT / "examples" / example / "page"

    def answer(route):
        name = re.search(r"/page/([\w.]+)$", route.request.url)
        route.fulfill(path=folder / (name[1] if name else "index.html"))

    page.route("**/*", answer)


# Sockets in the place of Chromium's, and times that a test decides.
SOCKETS = """
Math.random = () => 0.5;
window.sockets = [];
window.WebSocket = class {
    static OPEN = 1;
    readyState = 0;
    bufferedAmount = 0;
    sent = [];
    constructor() { sockets.push(this); }
    send(text) { this.sent.push(text); this.bufferedAmount += text.length; }
    close(code) { this.closedWith = code; }
};
window.last = () => sockets.at(-1);
window.open_last = () => { last().readyState = 1; last().onopen(); };
"""


@pytest.fixture
def alone(page):
    """A page that has taken a seat, with sockets that do what the test says, and a clock that stands still."""
    page.clock.install()
    page.clock.pause_at("2030-01-01")
    page.add_init_script(SOCKETS)
    serve_without_a_server(page, "page")
    take_a_seat(page, "http://chat.example/", "Ann")
    assert page.evaluate("sockets.length") == 1
    return page


def expect_a_new_one_after(page, milliseconds: int) -> None:
    before = page.evaluate("sockets.length")
    page.clock.run_for(milliseconds - 1)
    assert page.evaluate("sockets.length") == before
    page.clock.run_for(1)
    assert page.evaluate("sockets.length") == before + 1


def test_a_page_waits_longer_each_time_until_it_hears_something(alone):
    for seconds in [1, 2, 4, 8, 16, 30, 30]:
        alone.evaluate("open_last(); last().onclose({ code: 1013, reason: '' })")  # to be let in is not enough
        expect_a_new_one_after(alone, seconds * 500)  # half of it, at random
    alone.evaluate("open_last(); last().onmessage({ data: '' }); last().onclose({ code: 1012, reason: '' })")
    expect_a_new_one_after(alone, 500)


@pytest.mark.parametrize(
    ("codes", "words"),
    [([1001, 1005, 1006, 1011, 1012, 1013, 1014], None), ([1002, 1003, 1007, 1008, 1009, 1010, 3000, 4001], "why")],
)
def test_a_page_knows_after_which_codes_to_come_back(alone, codes, words):
    for code in codes:
        alone.evaluate(
            f"open_last(); last().onmessage({{ data: '' }}); last().onclose({{ code: {code}, reason: 'why' }})"
        )
        if words is None:
            expect_a_new_one_after(alone, 500)
        else:
            expect(state(alone)).to_have_text(words)
            alone.clock.run_for(300_000)
            alone.get_by_role("button", name="Join").click()  # or it would not be back
    assert alone.evaluate("sockets.length") == 1 + len(codes)


def test_a_page_gives_a_dead_connection_up(alone):
    alone.clock.run_for(10_000)  # a handshake that nobody answers
    expect_a_new_one_after(alone, 500)
    assert alone.evaluate("sockets[0].closedWith") == 1000
    alone.evaluate("open_last(); last().onmessage({ data: 'hello' })")
    alone.clock.run_for(19_999)
    assert alone.evaluate("last().sent") == [""]
    alone.clock.run_for(1)
    assert alone.evaluate("last().sent") == ["", ""]  # nobody has spoken: is somebody there?
    alone.evaluate("last().onmessage({ data: '' })")
    alone.clock.run_for(20_000)
    alone.clock.run_for(10_000)  # no answer
    expect_a_new_one_after(alone, 500)


def test_a_page_survives_sleep(alone):
    alone.evaluate("open_last(); last().onmessage({ data: 'hello' })")
    alone.clock.fast_forward(3_600_000)  # as if the lid had been closed: what was due meanwhile comes once
    assert alone.evaluate("last().sent") == ["", ""]
    alone.clock.run_for(10_000)
    expect_a_new_one_after(alone, 500)


def test_a_page_that_is_looked_at_again_asks_at_once_or_comes_at_once(alone):
    alone.evaluate("open_last(); last().onmessage({ data: 'hello' })")
    for _ in range(3):
        alone.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        assert alone.evaluate("last().sent") == ["", ""]  # once is enough
        alone.clock.run_for(3_000)  # and its time goes on
    alone.evaluate("last().onclose({ code: 1006, reason: '' })")
    alone.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert alone.evaluate("sockets.length") == 2
    alone.evaluate("dispatchEvent(new Event('online'))")  # it is about to
    alone.clock.run_for(5_000)
    assert alone.evaluate("sockets.length") == 2


def test_a_page_holds_back_what_the_browser_cannot_send(alone):
    long = "x" * 40_000
    alone.evaluate("open_last(); last().onmessage({ data: 'hello' })")
    for number in range(4):
        say(alone, f"{number}{long}")
    assert alone.evaluate("last().sent.map(text => text[0] ?? '')") == ["", "0", "1"]
    expect(not_sent(alone)).to_have_count(2)
    alone.evaluate("last().bufferedAmount = 60_000")
    alone.clock.run_for(100)
    assert alone.evaluate("last().sent.map(text => text[0] ?? '')") == ["", "0", "1", "2"]
    alone.evaluate("last().onclose({ code: 1006, reason: '' })")
    alone.clock.run_for(500)
    alone.evaluate("open_last()")
    assert alone.evaluate("last().sent.map(text => text[0] ?? '')") == ["", "3"]  # what was lost, no page knows


def test_what_was_not_sent_is_kept_for_the_next_join(alone):
    say(alone, "kept")
    alone.evaluate("last().onclose({ code: 4001, reason: 'why' })")
    expect(not_sent(alone)).to_have_text(["kept"])
    alone.get_by_role("button", name="Join").click()
    alone.evaluate("open_last()")
    assert alone.evaluate("last().sent") == ["", "kept"]


def test_a_page_leaves_when_it_is_hidden_away_and_comes_back_when_it_is_shown(alone):
    alone.evaluate("open_last(); dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert alone.evaluate("last().closedWith") == 1000
    alone.clock.run_for(60_000)
    assert alone.evaluate("sockets.length") == 1  # as long as it is away
    alone.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")
    assert alone.evaluate("sockets.length") == 2


# With sockets as above. What is told is noted, and the connection is left as soon as it is told to be connected.
LEAVES = """async () => {
    const { Connection } = await import("/page/connection.js");
    const told = [];
    let connection = null;
    const changed = () => {
        told.push(connection?.state);
        if (connection?.state === "connected") connection.leave();
    };
    connection = new Connection("ws://chat.example/ws", { heard() {}, changed });
    open_last();
    return [connection.state, last().closedWith, told];
}"""
LEAVES_AGAIN = """async () => {
    const { Connection } = await import("/page/connection.js");
    const connection = new Connection("ws://chat.example/ws", { heard() {}, changed() {} });
    open_last();
    last().onclose({ code: 4001, reason: "why" });
    connection.leave();
    return [connection.code, connection.reason];
}"""
FAILS = """async () => {
    const { Connection } = await import("/page/connection.js");
    window.WebSocket = class { constructor() { throw new SyntaxError("bad address"); } };
    let told = 0;
    let error = null;
    try {
        new Connection("bad address", { heard() {}, changed() { told += 1; } });
    } catch (raised) {
        error = raised.name;
    }
    dispatchEvent(new Event("offline"));
    dispatchEvent(new Event("online"));
    return [error, told];
}"""


def test_a_page_may_leave_at_any_time_and_what_failed_leaves_nothing_behind(alone):
    state, closed_with, told = alone.evaluate(LEAVES)
    assert (state, closed_with) == ("ended", 1000)
    assert told.count("connected") == 1
    assert alone.evaluate(LEAVES_AGAIN) == [4001, "why"]
    assert alone.evaluate(FAILS) == ["SyntaxError", 0]
    assert alone.problems == ["bad address"]  # of the page's own connection, which has met the stand-in, too
    alone.problems.clear()


def test_a_page_comes_back_from_the_back_forward_cache(with_cache, comes_back):
    page, other = with_cache.new_page(), with_cache.new_page()
    take_a_seat(page, comes_back, "Fay")
    expect(messages(page)).to_have_text(["Fay is here"])
    page.get_by_label("Your message").fill("half a sen")
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; })")
    page.goto(f"{comes_back}openapi.json")
    take_a_seat(other, comes_back, "Gil")
    expect(messages(other)).to_have_text(["Gil is here"])
    page.go_back(wait_until="commit")
    expect(messages(other)).to_have_text(["Gil is here", "Fay is here"])
    assert page.evaluate("persisted")  # it has not been loaded anew
    expect(messages(page)).to_have_text(["Fay is here", "Fay is here"])
    expect(page.get_by_label("Your message")).to_have_value("half a sen")


def test_a_room_that_is_looked_at_again_has_been_left_and_can_be_joined(with_cache, rooms):
    page, other = with_cache.new_page(), with_cache.new_page()
    join(page, rooms, "Ivy", "the cache")
    join(other, rooms, "Jon", "the cache")
    expect(who_is_here(other)).to_have_text(["Ivy", "Jon"])
    page.get_by_label("Your message").fill("half a sen")
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; })")
    page.goto(f"http://127.0.0.1:{rooms}/openapi.json")
    page.go_back(wait_until="commit")
    expect(state(page)).to_have_text("closed with code 1006")
    assert page.evaluate("persisted")  # it has not been loaded anew
    expect(who_is_here(page)).to_have_count(0)
    expect(who_is_here(other)).to_have_text(["Jon"])  # now the server knows, too
    page.get_by_role("button", name="Join").click()
    expect(who_is_here(page)).to_have_text(["Ivy", "Jon"])
    expect(page.get_by_label("Your message")).to_have_value("half a sen")


def test_accounts_that_are_looked_at_again_have_been_left_and_are_still_logged_in(with_cache, accounts):
    page = with_cache.new_page()
    page.goto(accounts)
    log_in(page, "ann", "lovelace")
    expect(state(page)).to_have_text("connected")
    page.get_by_label("Dear diary").fill("half a sen")
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; })")
    page.goto(f"{accounts}openapi.json")
    page.go_back(wait_until="commit")
    expect(state(page)).to_have_text("closed with code 1006")
    assert page.evaluate("persisted")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(state(page)).to_have_text("connected")
    expect(page.get_by_label("Dear diary")).to_have_value("half a sen")


def test_a_page_that_comes_back_with_the_keyboard_alone(page, comes_back):
    page.goto(comes_back)
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your name")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("Hal")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(messages(page)).to_have_text(["Hal is here", "Hal: by keyboard"])
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("log")).to_be_focused()  # to scroll it
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Leave")).to_be_focused()
    page.keyboard.press("Space")
    expect(state(page)).to_have_text("you have left")
    expect(page.get_by_role("button", name="Join")).to_be_focused()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_everybody_can_use_a_page_that_comes_back(page, comes_back, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(comes_back)
    findings(page)
    take_a_seat(page, comes_back, f"{scheme}{'n' * 30}")
    say(page, "a long message without a space: " + "x" * 200)
    expect(messages(page)).to_have_count(2)
    page.context.set_offline(True)
    say(page, "kept, and long, too: " + "x" * 200)
    expect(not_sent(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    findings(page)
