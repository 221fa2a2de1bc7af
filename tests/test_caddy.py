"""The proxy of restarts-and-proxies: it starts, takes another Caddyfile, ends, and says what is wrong."""

import asyncio
import ssl
import sys

import pytest
from websockets import InvalidStatus

from course import caddy, parts
from tests.test_parts import APP, PATIENCE, colour

SITE = "http://:{$PORT} {\n bind 127.0.0.1\n reverse_proxy {$%s}\n}\n"
ON_A_DESK = "{\n skip_install_trust\n auto_https disable_redirects\n}\n"
TLS = ON_A_DESK + "https://shop.example:{$PORT} {\n bind 127.0.0.1\n tls internal\n}\n"


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    for part in list(parts._parts.values()):
        part.end()
    parts._parts.clear()


@pytest.fixture
def two():
    parts.program("colours.py", APP)
    red, blue = parts.workers("colours.py", RED={"COLOUR": "red"}, BLUE={"COLOUR": "blue"})
    return {"RED": red, "BLUE": blue}


def test_it_leads_to_a_worker_takes_another_caddyfile_and_keeps_what_it_had_before_a_bad_one(two):
    proxy = caddy.start(SITE % "RED", **two)
    assert asyncio.run(colour(proxy)) == "red"
    proxy.reload(SITE % "BLUE")
    assert asyncio.run(colour(proxy)) == "blue"
    with pytest.raises(parts.PartError, match=r"^Caddy refuses this Caddyfile: .*no_such_directive") as raised:
        proxy.reload("localhost {\n no_such_directive\n}\n")
    assert "\n" not in str(raised.value)
    assert asyncio.run(colour(proxy)) == "blue"


def test_the_one_before_ends_and_one_that_does_not_run_says_so(two):
    old, new = caddy.start(SITE % "RED", **two), caddy.start(SITE % "BLUE", **two)
    assert (old.running, new.running) == (False, True)
    with pytest.raises(parts.PartError, match="The proxy does not run"):
        old.url()


@pytest.mark.thorough
@pytest.mark.parametrize(("fail_duration", "comes_in"), [("1s", True), ("30s", False)])
def test_a_worker_that_is_back_still_counts_as_gone_where_failures_count_for_longer_than_one_tries(
    two, fail_duration, comes_in
):
    both = f"{{$RED}} {{$BLUE}} {{\n lb_policy first\n lb_try_duration 5s\n fail_duration {fail_duration}\n }}"
    proxy = caddy.start(SITE.replace("{$%s}", both), **two)
    two["RED"].kill()
    assert asyncio.run(colour(proxy)) == "blue"  # it has tried red
    two["RED"].start()
    two["RED"].ready()
    two["BLUE"].kill()
    if comes_in:
        assert asyncio.run(colour(proxy)) == "red"
    else:
        with pytest.raises(InvalidStatus, match=r"HTTP 50[23]$"):
            asyncio.run(colour(proxy))


def test_a_caddyfile_with_a_mistake_is_told_in_one_line():
    with pytest.raises(parts.PartError, match=r"^Caddy refuses this Caddyfile: .*no_such_directive") as raised:
        caddy.start("localhost {\n no_such_directive\n}\n")
    assert "\n" not in str(raised.value)


def test_with_a_certificate_of_its_own_it_is_ready_when_that_is():
    async def look(proxy):
        here = {"host": "127.0.0.1", "port": proxy.port, "server_hostname": "shop.example"}
        _, writer = await asyncio.open_connection(**here, ssl=ssl.create_default_context(cafile=proxy.root))
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(**here, ssl=ssl.create_default_context())

    for _ in range(2):  # the second one knows nothing of the first one's
        asyncio.run(asyncio.wait_for(look(caddy.start(TLS)), PATIENCE))


@pytest.mark.parametrize(
    ("site", "names"),
    [
        ("https://shop-2.example:{$PORT}", ["shop-2.example"]),
        ("localhost:{$PORT}", ["localhost"]),
        ("http://localhost:{$PORT}", []),
        ("http://:{$PORT}", []),
    ],
)
def test_it_waits_for_the_certificates_that_it_makes(site, names):
    tls = "tls internal" if names else ""
    assert caddy.start(f"{ON_A_DESK}{site} {{\n bind 127.0.0.1\n {tls}\n}}\n").names == names


# --- which one ---


def program(folder, says: str):
    file = folder / "caddy"
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(("says", "is_taken"), [("v2.8.0 h1:x", True), ("v2.7.6 h1:x", False), ("Usage: caddy", False)])
def test_the_one_on_the_path_goes_before_that_of_the_package_if_it_is_new_enough(says, is_taken, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    installed = program(tmp_path, says)
    assert (caddy.find_caddy() == installed) == is_taken


def test_where_there_is_none_one_line_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(caddy.shutil, "which", lambda *_, **__: None)
    with pytest.raises(parts.PartError, match=r"^Caddy 2\.8 or newer is needed, and none is here\. In a terminal, in "):
        caddy.find_caddy()
