"""What the lesson who-is-calling says of browsers, in a real Chromium: what a page can send and read, and an attack."""

import json
from typing import Annotated

import pytest
from fastapi import Cookie, Depends, FastAPI, HTTPException, Response, WebSocket, WebSocketException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from tests.test_examples import program
from tools.lab import which_chromium
from wslab import serve

pytestmark = pytest.mark.browser
of_browsers = pytest.mark.thorough  # what browsers do changes with them, and not with the course

PAGE = "<!doctype html><title>A page</title><link rel=icon href='data:,'>"
IN_A_SANDBOX = f"{PAGE}<iframe sandbox='allow-scripts' srcdoc='A frame'></iframe>"

# The first message, or the code and reason of the end, if there is none.
HEAR = """
([address, subprotocols, more]) => new Promise((resolve) => {
    const socket = new WebSocket(address, subprotocols, more);
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
})
"""
READ = """
async (address) => {
    try {
        const response = await fetch(address, { method: "POST", credentials: "include" });
        return await response.text();
    } catch (error) {
        return error.name;
    }
}
"""


def hear(page, address: str, subprotocols=(), more=None) -> str:
    return page.evaluate(HEAR, [address, list(subprotocols), more])


diary = FastAPI()
fetched: list[str] = []


@diary.get("/page")
async def page_of_the_diary() -> HTMLResponse:
    return HTMLResponse(PAGE)


@diary.get("/login")
async def log_in() -> Response:
    """A cookie of each kind. FastAPI's `set_cookie()` says `Lax` if nothing else is said."""
    response = Response()
    response.set_cookie("by_default", "ann", httponly=True)
    response.set_cookie("unsaid", "ann", httponly=True, samesite=None)
    response.set_cookie("lax", "ann", httponly=True, samesite="lax")
    response.set_cookie("strict", "ann", httponly=True, samesite="strict")
    response.set_cookie("none", "ann", httponly=True, samesite="none", secure=True)
    return response


@diary.post("/ticket")
async def ticket(none: Annotated[str, Cookie()] = "", lax: Annotated[str, Cookie()] = "") -> str:
    fetched.append(none or lax)
    return "a ticket"


@diary.websocket("/cookies")
async def cookies(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_json([websocket.headers["origin"], sorted(websocket.cookies)])
    await websocket.close()


@diary.websocket("/places")
async def places(websocket: WebSocket, token: str):
    await websocket.accept(websocket.scope["subprotocols"][0])
    await websocket.send_json([token, websocket.scope["subprotocols"], websocket.headers.get("authorization")])
    await websocket.close()


@diary.websocket("/end/{way}")
async def end(websocket: WebSocket, way: str):
    if way == "HTTPException":
        raise HTTPException(401, "log in first")
    if way == "close":
        await websocket.accept()
    raise WebSocketException(4401, "log in first")


@diary.websocket("/basic")
async def basic(websocket: WebSocket, given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]):
    await websocket.accept()
    await websocket.send_text(f"{given.username} {given.password}")
    await websocket.close()


evil = FastAPI()


@evil.get("/page")
async def evil_page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@evil.get("/sandbox")
async def page_with_a_sandbox() -> HTMLResponse:
    return HTMLResponse(IN_A_SANDBOX)


@pytest.fixture(scope="module")
def here():
    guarded = CORSMiddleware(diary, allow_origins=["https://diary.example"], allow_credentials=True)
    with serve(guarded, name="diary") as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere():
    with serve(evil, name="evil") as server:
        yield server


# Whether cookies of other sites are sent, everybody decides for themselves: some browsers begin with no, some with yes.
NO_COOKIES_OF_OTHER_SITES = {"profile": {"cookie_controls_mode": 1}}
ALL_COOKIES = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}


@pytest.fixture
def logged_in(browser, here, tmp_path):
    """Opens a browser with these settings, whose user is logged in at the diary."""
    contexts = []

    def logged_in(settings, *options: str):
        profile = tmp_path / str(len(contexts)) / "Default"
        profile.mkdir(parents=True)
        (profile / "Preferences").write_text(json.dumps(settings), encoding="utf-8")
        launch = which_chromium()
        launch["args"] = [*launch["args"], *options]
        contexts.append(browser.browser_type.launch_persistent_context(profile.parent, **launch))
        page = contexts[-1].new_page()
        page.goto(here.http_url("/login"))
        return page

    yield logged_in
    for context in contexts:
        context.close()


def at(server, host: str, path: str = "/page") -> str:
    return f"http://{host}:{server.port}{path}"


SAME_SITE = ["by_default", "lax", "none", "strict", "unsaid"]  # all


@of_browsers
def test_which_cookies_a_handshake_has(logged_in, here, elsewhere):
    """By whose page it is. On one machine, 127.0.0.1 and localhost are two sites, and a port makes no difference."""
    url = here.url("/cookies")
    page = logged_in(ALL_COOKIES)
    page.goto(at(here, "127.0.0.1"))
    assert json.loads(hear(page, url)) == [f"http://127.0.0.1:{here.port}", SAME_SITE]
    page.goto(at(elsewhere, "127.0.0.1"))
    assert json.loads(hear(page, url)) == [f"http://127.0.0.1:{elsewhere.port}", SAME_SITE]
    page.goto(at(elsewhere, "localhost"))
    assert json.loads(hear(page, url)) == [f"http://localhost:{elsewhere.port}", ["none"]]
    page.goto(at(elsewhere, "127.0.0.1", "/sandbox"))
    assert json.loads(hear(page.frames[-1], url)) == ["null", ["none"]]


@of_browsers
def test_which_cookies_a_handshake_has_where_those_of_other_sites_are_blocked(logged_in, here, elsewhere):
    page = logged_in(NO_COOKIES_OF_OTHER_SITES)
    page.goto(at(elsewhere, "localhost"))
    assert json.loads(hear(page, here.url("/cookies"))) == [f"http://localhost:{elsewhere.port}", []]
    page.goto(at(elsewhere, "127.0.0.1"))
    assert json.loads(hear(page, here.url("/cookies"))) == [f"http://127.0.0.1:{elsewhere.port}", SAME_SITE]


@of_browsers
def test_a_subdomain_is_the_same_site(logged_in, here, elsewhere):
    page = logged_in(NO_COOKIES_OF_OTHER_SITES, "--host-resolver-rules=MAP *.example 127.0.0.1")
    page.goto(at(here, "diary.example", "/login"))
    page.goto(at(elsewhere, "blog.diary.example"))
    url = f"ws://diary.example:{here.port}/cookies"
    assert json.loads(hear(page, url))[1] == ["by_default", "lax", "strict", "unsaid"]  # `none` needs https
    page.goto(at(elsewhere, "evil.example"))
    assert json.loads(hear(page, url)) == [f"http://evil.example:{elsewhere.port}", []]


@of_browsers
def test_a_page_of_another_site_cannot_fetch_a_ticket(logged_in, here, elsewhere):
    """Its request reaches the server, with the cookie; the answer does not reach the page."""
    page = logged_in(ALL_COOKIES)
    for host in ["127.0.0.1", "localhost"]:
        fetched.clear()
        page.goto(at(elsewhere, host))
        assert (page.evaluate(READ, here.http_url("/ticket")), fetched) == ("TypeError", ["ann"])
    page.goto(at(here, "127.0.0.1"))
    assert page.evaluate(READ, here.http_url("/ticket")) == '"a ticket"'


@of_browsers
def test_what_a_page_can_send(page, here):
    page.goto(at(here, "127.0.0.1"))
    more = {"headers": {"Authorization": "Bearer my-header"}}
    said = json.loads(hear(page, here.url("/places?token=my-query"), ["diary.v1", "my-subprotocol"], more))
    assert said == ["my-query", ["diary.v1", "my-subprotocol"], None]
    not_allowed = "(address) => { try { new WebSocket(address, ['a token']); } catch (error) { return error.name; } }"
    assert page.evaluate(not_allowed, here.url("/places")) == "SyntaxError"


@of_browsers
def test_a_page_can_send_a_name_and_a_password(page, here):
    """The one `Authorization` that it can: in the address, once the server has asked for it with 401."""
    page.goto(at(here, "127.0.0.1"))
    url = here.url("/basic")
    assert hear(page, url) == "1006 "
    page.problems.clear()  # a refusal is one for the console
    assert hear(page, url.replace("://", "://ann:secret@")) == "ann secret"


@of_browsers
@pytest.mark.parametrize(
    ("way", "heard"), [("HTTPException", "1006 "), ("WebSocketException", "1006 "), ("close", "4401 log in first")]
)
def test_what_a_page_is_told(page, here, way, heard):
    page.goto(at(here, "127.0.0.1"))
    assert hear(page, here.url(f"/end/{way}")) == heard
    page.problems.clear()  # a refusal is one for the console


def test_a_page_of_another_origin_is_refused_by_accounts(new_page, here, elsewhere):
    """The same page, with the same cookies, gets the diary of an endpoint that does not look at the Origin."""
    with program("-m", "examples.accounts", "--port", "0") as (_, port):
        page = new_page()
        page.goto(here.http_url("/login"))
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_label("User").fill("ann")
        page.get_by_label("Password").fill("lovelace")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("connected", exact=True).wait_for()
        own_ticket = page.evaluate("fetch('ticket', { method: 'POST' }).then((response) => response.json())")
        page.goto(at(elsewhere, "127.0.0.1"))
        assert "lax" in hear(page, here.url("/cookies"))
        assert page.evaluate(READ, f"http://127.0.0.1:{port}/ticket") == "TypeError"
        for query in ["", f"?ticket={own_ticket}"]:
            assert hear(page, f"ws://127.0.0.1:{port}/diary{query}") == "1006 "
        page.close()
