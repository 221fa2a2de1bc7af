"""What stands for an operating system in a lesson's page: programs must see the same of it as of a real one."""

import inspect
import json
import sys

import pytest

from tests import emulation_scenarios
from tests.emulation_scenarios import SCENARIOS, seen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# Below the scenarios, in a cell of a page. Each has an end to its waits, so that all of them have.
IN_A_CELL = """
import json, traceback
for name in SCENARIOS:
    try:
        print(json.dumps([name, seen(name)]))
    except BaseException:
        print(json.dumps([name, traceback.format_exc()]))
"""


def seen_in_a_page(run_in_a_page, spoil: str = "") -> dict[str, str]:
    """What each scenario saw in a page, with some code before all of them."""
    outputs = run_in_a_page(f"{spoil}\n{inspect.getsource(emulation_scenarios)}{IN_A_CELL}")
    lines = "".join(output.get("text", "") for output in outputs).splitlines()
    return dict(json.loads(line) for line in lines if line.startswith("["))


@pytest.fixture(scope="module")
def in_a_page(run_in_a_page):
    return seen_in_a_page(run_in_a_page)


AS_ON_LINUX = {"small_buffers"}  # other systems say another size than they were told


@pytest.mark.parametrize("name", SCENARIOS if sys.platform == "linux" else set(SCENARIOS) - AS_ON_LINUX)
def test_a_page_and_an_operating_system_agree(in_a_page, name):
    assert in_a_page[name] == seen(name)


SPOILED = """
from browser import sockets
sockets.Socket.setsockopt = lambda self, level, option, value: self._options.update({option: value})
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="what is spoiled is as on Linux")
def test_what_is_spoiled_is_found(run_in_a_page):
    spoiled = seen_in_a_page(run_in_a_page, SPOILED)
    assert {name for name in SCENARIOS if spoiled[name] != seen(name)} == AS_ON_LINUX  # which doubles them
