"""`wslab.live`: the page in an output, in a real JupyterLab in a real Chromium, and where it is only looked at."""

import contextlib
import re
from pathlib import Path

import nbconvert
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests import lessons
from tools.lab import REMOTE, jupyterlab, open_notebook, run_again, select_cell, wait_for_kernel
from tools.outputs import KERNELSPEC
from wslab.live_page import LivePage, html

pytestmark = pytest.mark.browser

SERVE, ECHO, OTHER, CONVERSATION = range(4)  # the cells of the notebook
CELLS = [
    f"""
import sys; sys.path.insert(0, {str(lessons.NOTEBOOKS)!r})
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from wslab import live, serve
app = FastAPI()

@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            if text.isdecimal():
                await websocket.send_bytes(bytes(int(text)))
            elif text == "bye":
                await websocket.close(4000, "so long")
                break
            else:
                await websocket.send_text(f"You wrote: {{text}}")
    except WebSocketDisconnect:
        pass

@app.websocket("/other")
async def other(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())

server = serve(app)
print(server.port)
""",
    'live(server, "/ws")',
    'live(server, "/other")',
    "print(await server.conversation())",
]


def notebook(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def lab(folder):
    """JupyterLab on the reader's own machine; under a path, since it is `hub`, too."""
    with jupyterlab(folder, host=REMOTE, base_url="/user/x/") as address:
        yield address.replace(REMOTE, "127.0.0.1")


@pytest.fixture(scope="module")
def hub(lab):
    """JupyterLab somewhere else, as on Binder. To the browser it is: it knows it by another name."""
    return lab.replace("127.0.0.1", REMOTE)


def note_sockets(page) -> None:
    """It notes the connections that it opens, except JupyterLab's own."""
    page.sockets = []
    page.on("websocket", lambda ws: page.sockets.append(ws) if "/api/" not in ws.url else None)


@pytest.fixture
def page(page):
    note_sockets(page)
    return page


@pytest.fixture(scope="module")
def lasting_page(new_page):
    """A page with a JupyterLab in it that several tests use, since loading one takes seconds."""
    page = new_page()
    note_sockets(page)
    yield page
    page.close()


@pytest.fixture
def desk(lasting_page, request):
    """The lasting page, as if it were new; and nothing may go wrong on it unseen."""
    lasting_page.problems.clear()
    lasting_page.sockets.clear()
    lasting_page.set_viewport_size({"width": 1280, "height": 720})
    failed = request.session.testsfailed
    yield lasting_page
    if request.session.testsfailed > failed:  # it may be in any state
        lasting_page.goto("about:blank")
    assert not lasting_page.problems


class Reader:
    """Somebody who reads a notebook in JupyterLab."""

    def __init__(self, page, address: str, folder: Path, name: str):
        self.page, self.address, self.folder, self.name = page, address, folder, name
        self.open()

    def open(self) -> None:
        cells = lessons.read(self.folder / "notebooks" / self.name).cells
        open_notebook(self.page, self.address, f"notebooks/{self.name}", len(cells))

    def run(self, *numbers: int) -> None:
        for number in numbers:
            run_again(self.page, number)

    def cell(self, number: int):
        return self.page.locator(f".jp-Cell[data-windowed-list-index='{number}']")

    def output(self, number: int) -> str:
        return self.cell(number).locator(".jp-OutputArea-output").inner_text().strip()

    def client(self, number: int) -> "Client":
        return Client(self.cell(number).locator(".wslab-live"))

    def restart_kernel(self) -> None:
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
        wait_for_kernel(self.page)

    def shut_kernel_down(self) -> None:
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def command(self, name: str, arguments: str = "{}") -> None:
        self.page.evaluate(f"() => jupyterapp.commands.execute({name!r}, {arguments})")


class Client:
    """The live page in an output."""

    def __init__(self, element):
        self.element = element
        self.state = element.get_by_role("status")
        self.lines = element.get_by_role("log").locator("p")
        self.text = element.get_by_label("Your message")
        self.hint = element.get_by_text("No server answers there, or it refused.")
        self.proxy = element.get_by_text("Jupyter's proxy")
        self.elsewhere = element.get_by_text("If the kernel runs elsewhere")

    def button(self, name: str):
        return self.element.get_by_role("button", name=name, exact=True)

    def connect(self) -> None:
        self.button("Connect").click()
        expect(self.state).to_have_text("Connection: connected", use_inner_text=True)

    def say(self, text: str) -> None:
        self.text.fill(text)
        self.button("Send").click()

    def sees(self, words: str) -> None:
        """It says so in its first line."""
        expect(self.state.locator("p").first).to_have_text(f"Connection: {words}")

    def fails(self) -> None:
        """Somebody presses Connect, and nobody is there."""
        self.button("Connect").click()
        self.sees("failed with code 1006")
        expect(self.hint).to_be_visible()
        expect(self.button("Connect")).to_be_enabled()


@pytest.fixture
def read(desk, folder, request):
    """Open a notebook of the test's own, and shut its kernel down in the end."""
    readers = []

    def read(address: str, book: nbformat.NotebookNode | None = None) -> Reader:
        name = re.sub(r"\W+", "-", request.node.name) + ".ipynb"
        nbformat.write(book or notebook(*CELLS), folder / "notebooks" / name)
        readers.append(Reader(desk, address, folder, name))
        return readers[-1]

    yield read
    for reader in readers:
        reader.shut_kernel_down()


def is_refused(problem: str) -> bool:
    """The browser's own line in its console on a connection that failed."""
    return "WebSocket connection to 'ws://127.0.0.1" in problem


@pytest.mark.thorough  # in make test another one goes through the proxy, without loading a JupyterLab of its own
def test_a_talk_through_the_proxy(read, hub, desk):
    """The first one here, since all the others share a page with the JupyterLab of another address."""
    reader = read(hub)
    reader.run(SERVE, ECHO)
    client = reader.client(ECHO)
    expect(client.proxy).to_be_visible()
    assert desk.sockets == []
    client.connect()
    port = reader.output(SERVE)
    assert [ws.url for ws in desk.sockets] == [hub.replace("http", "ws") + f"/proxy/{port}/ws"]
    client.say("hello")
    client.say("3")
    expect(client.lines).to_have_text(["You: hello", "Server: You wrote: hello", "You: 3", "Server: 3 bytes"])
    client.button("Disconnect").click()
    client.sees("closed with code 1000")
    reader.run(CONVERSATION)
    assert "--- gone, without a close code (1005) ---" in reader.output(CONVERSATION)

    client.connect()
    client.say("bye")
    client.sees("closed with code 1005")  # and not 4000: what the page says about codes is true
    reader.restart_kernel()
    client.fails()


def test_a_talk_on_the_readers_own_machine(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    client = reader.client(ECHO)
    client.sees("not connected")
    expect(client.proxy).to_be_hidden()
    expect(client.hint).to_be_hidden()
    expect(client.button("Send")).to_be_disabled()
    expect(client.button("Disconnect")).to_be_disabled()
    assert desk.sockets == []

    client.connect()
    assert [ws.url for ws in desk.sockets] == [f"ws://127.0.0.1:{reader.output(SERVE)}/ws"]
    expect(client.button("Connect")).to_be_disabled()
    client.say("<b>hello</b>")
    expect(client.text).to_have_value("")
    client.say("3")
    client.say("1")
    said = ["You: <b>hello</b>", "Server: You wrote: <b>hello</b>", "You: 3", "Server: 3 bytes"]
    expect(client.lines).to_have_text([*said, "You: 1", "Server: 1 byte"])
    client.button("Disconnect").click()
    client.sees("closed with code 1000")
    expect(client.button("Send")).to_be_disabled()
    reader.run(CONVERSATION)
    assert "--- close 1000 ---" in reader.output(CONVERSATION)

    client.connect()
    client.say("bye")
    client.sees("closed with code 4000, reason: so long")
    expect(client.hint).to_be_hidden()


def test_a_kernel_elsewhere_behind_an_address_of_this_machine(read, lab, desk):
    """As with a container, only that here the browser could reach the kernel's ports, too."""
    reader = read(lab, notebook(CELLS[SERVE], 'live(server, "/ws", proxy=True)'))
    reader.run(SERVE, 1)
    client = reader.client(1)
    expect(client.proxy).to_be_visible()
    client.connect()
    assert [ws.url for ws in desk.sockets] == [lab.replace("http", "ws") + f"/proxy/{reader.output(SERVE)}/ws"]
    client.say("hello")
    expect(client.lines).to_have_text(["You: hello", "Server: You wrote: hello"])
    reader.restart_kernel()
    client.fails()
    expect(client.elsewhere).to_be_hidden()


def test_a_talk_with_the_keyboard_alone(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    client = reader.client(ECHO)
    select_cell(desk, ECHO)
    for _ in range(20):
        desk.keyboard.press("Tab")
        if client.button("Connect").evaluate("button => button === document.activeElement"):
            break
    expect(client.button("Connect")).to_be_focused()
    assert outline(desk) == "solid"
    desk.keyboard.press("Enter")
    expect(client.text).to_be_focused()
    assert outline(desk) == "solid"
    desk.keyboard.type("abdd")  # keys of JupyterLab's shortcuts: insert a cell, and delete one
    desk.keyboard.press("Enter")
    expect(client.lines).to_have_text(["You: abdd", "Server: You wrote: abdd"])
    desk.keyboard.press("Tab")
    expect(client.button("Send")).to_be_focused()
    desk.keyboard.press("Tab")
    expect(client.element.get_by_role("log")).to_be_focused()
    desk.keyboard.press("ArrowDown")
    expect(client.element.get_by_role("log")).to_be_focused()
    for _ in range(3):
        desk.keyboard.press("Shift+Tab")
    expect(client.button("Disconnect")).to_be_focused()
    desk.keyboard.press("Space")
    client.sees("closed with code 1000")
    expect(client.button("Connect")).to_be_focused()
    expect(desk.locator(".jp-Notebook .jp-Cell")).to_have_count(len(CELLS))
    expect(reader.cell(ECHO).locator(".jp-InputPrompt")).to_have_text("[2]:")

    desk.keyboard.press("Shift+Enter")  # is JupyterLab's, as everywhere
    client.sees("not connected")
    expect(reader.cell(ECHO).locator(".jp-InputPrompt")).to_have_text("[3]:")


@pytest.mark.thorough
def test_arrow_keys_scroll_the_messages(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    client = reader.client(ECHO)
    client.connect()
    for n in range(8):
        client.say(f"line {n}")
    expect(client.lines).to_have_count(16)
    log = client.element.get_by_role("log")
    log.focus()
    end = log.evaluate("log => log.scrollTop")
    assert end > 0
    desk.keyboard.press("ArrowUp")
    desk.wait_for_function(f"() => document.activeElement.scrollTop < {end}")
    expect(log).to_be_focused()
    log.evaluate("log => log.removeAttribute('data-lm-suppress-shortcuts')")
    desk.keyboard.press("ArrowUp")  # JupyterLab's again
    expect(reader.cell(SERVE)).to_be_focused()


def outline(page) -> str:
    return page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


@pytest.mark.thorough
def test_two_pages_in_one_notebook(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    echo, other = reader.client(ECHO), reader.client(OTHER)
    echo.connect()
    reader.run(OTHER)
    echo.sees("connected")  # a page that comes later starts itself alone
    other.connect()
    other.say("hello")
    echo.say("hello")
    expect(echo.lines).to_have_text(["You: hello", "Server: You wrote: hello"])
    expect(other.lines).to_have_text(["You: hello", "Server: HELLO"])
    echo.button("Disconnect").click()
    echo.sees("closed with code 1000")
    other.sees("connected")
    other.say("still here")
    expect(other.lines).to_have_text(["You: hello", "Server: HELLO", "You: still here", "Server: STILL HERE"])


@pytest.mark.thorough
def test_a_page_that_is_gone_has_closed_its_connection(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO, OTHER)
    reader.client(ECHO).connect()
    reader.client(OTHER).connect()
    first, other = desk.sockets
    with first.expect_event("close"):
        reader.run(ECHO)
    reader.client(ECHO).sees("not connected")
    reader.client(OTHER).sees("connected")
    reader.run(CONVERSATION)
    assert reader.output(CONVERSATION).count("close 1000") == 1

    reader.client(ECHO).connect()
    select_cell(desk, ECHO)
    with desk.sockets[2].expect_event("close"):
        reader.command("notebook:clear-cell-output")
    expect(reader.client(ECHO).element).to_have_count(0)
    assert not other.is_closed()
    reader.command("docmanager:save")
    with other.expect_event("close"):
        reader.command("application:close")
    expect(desk.locator(".jp-Notebook")).to_have_count(0)
    reader.open()


def test_a_live_page_whose_server_goes_away_and_comes_back(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    client = reader.client(ECHO)
    client.connect()
    client.text.fill("half a sen")
    reader.run(SERVE)
    client.sees("closed with code 1012")
    expect(client.text).to_have_value("half a sen")
    client.fails()
    expect(client.elsewhere).to_be_visible()
    reader.run(ECHO)
    client.connect()
    expect(client.hint).to_be_hidden()

    reader.restart_kernel()
    expect(client.state).to_contain_text("closed with code")
    client.fails()
    reader.run(SERVE, ECHO)
    client.connect()
    assert len(desk.problems) >= 2
    assert all(map(is_refused, desk.problems))
    desk.problems.clear()


@pytest.mark.thorough
def test_a_saved_page_whose_kernel_is_gone(read, lab, desk):
    reader = read(lab)
    reader.run(SERVE, ECHO)
    reader.command("docmanager:save")
    reader.shut_kernel_down()
    reader.open()
    client = reader.client(ECHO)
    client.sees("not connected")
    assert desk.sockets == []
    client.fails()
    assert len(desk.sockets) == 1
    assert all(map(is_refused, desk.problems))
    desk.problems.clear()


def stored(port: int) -> nbformat.NotebookNode:
    """A notebook with a page that was made elsewhere."""
    book = notebook('live(server, "/ws")')
    data = LivePage(port, "/ws")._repr_mimebundle_()
    book.cells[0].outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    return book


def only_the_sentence(place, page) -> None:
    """Where no server can answer there is a sentence, nothing to press, and no attempt to connect."""
    expect(place.get_by_text("Run this cell in JupyterLab to connect.")).to_be_visible()
    expect(place.locator("button, input, [role]")).to_have_count(0)
    assert page.sockets == []


@pytest.mark.parametrize("port", [0, 9])
def test_a_notebook_that_is_not_trusted(read, lab, desk, port):
    reader = read(lab, stored(port))
    expect(desk.locator(".jp-Notebook .jp-RenderedHTMLCommon")).to_have_text(str(LivePage(port, "/ws")))
    only_the_sentence(desk.locator(".jp-Notebook .jp-OutputArea-output"), desk)
    # Trusted, the page with a port is live, and the one with port 0 leaves its sentence.
    reader.page.evaluate("() => { jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted = true }")
    if port:
        reader.client(0).sees("not connected")
    else:
        expect(reader.client(0).element).to_have_attribute("data-started", "")
        only_the_sentence(desk.locator(".jp-Notebook .jp-OutputArea-output"), desk)


@pytest.mark.filterwarnings("ignore:Your element with mimetype")  # of the empty outputs that fold a guess
def test_the_lesson_as_a_page_without_a_server(browser, tmp_path):
    lesson = lessons.read(lessons.path("keep-talking"))
    exported, _ = nbconvert.HTMLExporter().from_notebook_node(lesson)
    (tmp_path / "lesson.html").write_text(exported, encoding="utf-8")
    with contextlib.closing(browser.new_context(offline=True)) as context:
        page = context.new_page()
        page.sockets = []
        page.on("websocket", lambda ws: page.sockets.append(ws))
        page.goto((tmp_path / "lesson.html").as_uri())
        expect(page.locator(".wslab-live")).to_have_attribute("data-started", "")  # the script has run
        only_the_sentence(page.locator(".wslab-live"), page)


# --- The page alone: what it does where, without a JupyterLab ---


def stand_in(page, place: str, shown: LivePage, base_url: str | None = "/", answer=None) -> list[str]:
    """Show it at an address that need not exist. Returns the list of the addresses that it will connect to."""
    asked = []
    config = f'<script id="jupyter-config-data" type="application/json">{{"baseUrl": "{base_url}"}}</script>'
    body = f'<link rel="icon" href="data:,">{config if base_url else ""}{html(shown)}'
    page.route("**/*", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))

    def serve_it(ws):
        asked.append(ws.url)
        if answer:
            ws.on_message(lambda message: answer(ws, message))

    page.route_web_socket("**", serve_it)
    page.goto(place)
    return asked


@pytest.mark.parametrize(
    ("place", "base_url", "address"),
    [
        ("http://localhost:8888/lab/tree/x.ipynb", "/", "ws://127.0.0.1:4321/ws?q=%22%3Ci%3E"),
        ("http://127.0.0.1:8888/user/x/lab", "/user/x/", "ws://127.0.0.1:4321/ws?q=%22%3Ci%3E"),
        ("http://[::1]:8888/lab", "/", "ws://127.0.0.1:4321/ws?q=%22%3Ci%3E"),
        ("https://hub.example/user/x/lab/tree/a", "/user/x/", "wss://hub.example/user/x/proxy/4321/ws?q=%22%3Ci%3E"),
        ("http://192.0.2.7:8080/lab?a=1#b", "/", "ws://192.0.2.7:8080/proxy/4321/ws?q=%22%3Ci%3E"),
    ],
)
def test_a_live_page_finds_its_address(page, place, base_url, address):
    finds_its_address(page, place, base_url, address, LivePage(4321, '/ws?q="<i>'))


@pytest.mark.parametrize(
    ("place", "base_url", "address"),
    [
        ("http://localhost:8888/lab/tree/x.ipynb", "/", "ws://localhost:8888/proxy/4321/ws"),
        ("http://127.0.0.1:8888/user/x/lab", "/user/x/", "ws://127.0.0.1:8888/user/x/proxy/4321/ws"),
        ("https://hub.example/user/x/lab/tree/a", "/user/x/", "wss://hub.example/user/x/proxy/4321/ws"),
    ],
)
def test_through_the_proxy_if_the_reader_says_so(page, place, base_url, address):
    finds_its_address(page, place, base_url, address, LivePage(4321, "/ws", proxy=True))


def finds_its_address(page, place, base_url, address, shown: LivePage) -> None:
    asked = stand_in(page, place, shown, base_url)
    client = Client(page.locator(".wslab-live"))
    client.sees("not connected")
    assert asked == []
    client.connect()
    assert asked == [address]
    assert client.proxy.is_visible() == ("/proxy/" in address)


@pytest.mark.parametrize("place", ["http://localhost:8000/lesson.html", "https://docs.example/lesson.html"])
def test_a_copy_of_the_notebook_outside_of_jupyter(page, place):
    stand_in(page, place, LivePage(4321, "/ws"), base_url=None)
    expect(page.locator(".wslab-live")).to_have_attribute("data-started", "")
    only_the_sentence(page.locator(".wslab-live"), page)


def test_a_server_that_talks_too_much(page):
    def answer(ws, message):
        for number in range(300):
            ws.send(str(number))
        ws.send("x" * 5000)

    stand_in(page, "http://localhost:8888/lab", LivePage(4321, "/ws"), answer=answer)
    client = Client(page.locator(".wslab-live"))
    client.connect()
    client.say("go on")
    expect(client.lines.last).to_have_text("Server: " + "x" * 2000 + "... (5000 characters)")
    expect(client.lines).to_have_count(200)
    expect(client.lines.first).to_have_text("Server: 101")
    expect(client.lines.last).to_be_in_viewport()


# --- Everybody can use it ---


def findings(page, client: Client) -> list[str]:
    """What axe-core finds wrong in the live page."""
    # axe passes over what is out of sight; so it takes all of JupyterLab to be, since its body has no height.
    client.element.scroll_into_view_if_needed()
    page.evaluate("document.body.style.height = '100vh'")
    client.element.evaluate("element => { element.id = 'scanned' }")
    results = Axe().run(page, context="#scanned").response
    measured = [rule for rule in results["violations"] + results["passes"] if rule["id"] == "color-contrast"]
    assert "contrastRatio" in measured[0]["nodes"][0]["any"][0]["data"]
    found = [(rule["id"], node) for rule in results["violations"] for node in rule["nodes"]]
    return [f"{name}: {node['html']}: {node['failureSummary']}" for name, node in found]


TOO_WIDE = """element => [element, ...element.querySelectorAll("*")]
    .filter(part => part.scrollWidth > part.clientWidth && getComputedStyle(part).display !== "inline")
    .map(part => `${part.outerHTML.slice(0, 80)}: ${part.scrollWidth} > ${part.clientWidth}`)"""


@pytest.mark.thorough
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_everybody_can_use_a_live_page(read, lab, desk, theme):
    reader = read(lab)
    reader.command("apputils:change-theme", f"{{theme: {theme!r}}}")
    desk.wait_for_function(f"() => document.body.dataset.jpThemeName === {theme!r}")
    assert desk.evaluate("document.body.dataset.jpThemeLight") == str("Light" in theme).lower()
    reader.run(SERVE, ECHO, OTHER)
    client = reader.client(ECHO)
    assert findings(desk, client) == []
    client.connect()
    client.say("a long message without a space: " + "x" * 200)
    expect(client.lines).to_have_count(2)
    assert findings(desk, client) == []
    reader.command("application:toggle-left-area")  # the file browser, out of the way
    for width in (1280, 480):
        desk.set_viewport_size({"width": width, "height": 900})
        assert client.element.evaluate(TOO_WIDE) == []
    desk.set_viewport_size({"width": 1280, "height": 900})  # a narrow JupyterLab does not show whether a cell runs
    reader.command("application:toggle-left-area")
    reader.run(SERVE)
    client.fails()
    assert findings(desk, client) == []
    assert all(map(is_refused, desk.problems))
    desk.problems.clear()

    client.text.evaluate("input => input.parentElement.replaceWith(input)")
    assert any(found.startswith("label: ") for found in findings(desk, client))  # the scan finds what there is
    client.element.evaluate("e => { e.style.color = '#888'; e.style.background = '#999'; }")
    assert any(found.startswith("color-contrast: ") for found in findings(desk, client))
