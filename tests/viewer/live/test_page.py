"""The page listens where it is told to and nowhere else, and says so."""

from __future__ import annotations

import socket
import sys

import pytest

from animRL.utils.errors import InputError
from animRL.viewer.live import page

pytest.importorskip("viser", reason="the extra viewer is not installed")


@pytest.fixture
def opened():
    servers = []

    def open_server(*arguments):
        servers.append(page.open_server(*arguments))
        return servers[-1]

    yield open_server
    for server in servers:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port: int) -> set[str]:
    """Addresses that a port of this computer is listened on at, as Linux tells."""
    found = set()
    for name, size in (("/proc/net/tcp", 8), ("/proc/net/tcp6", 32)):
        try:
            rows = [line.split() for line in open(name).readlines()[1:]]
        except OSError:
            continue
        for row in rows:
            address, _, number = row[1].partition(":")
            if row[3] == "0A" and int(number, 16) == port:
                assert len(address) == size
                found.add(address)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's list of sockets")
def test_it_listens_on_loopback_alone(opened):
    port = free_port()
    opened(None, port)
    assert listening(port) == {"0100007F"}, "127.0.0.1 in Linux's byte order"


def test_it_says_where_it_is_and_how_to_get_there(opened, capsys):
    port = free_port()
    server = opened(None, port)
    first, second = page.where_it_is(server)
    assert first == f"live view: http://localhost:{port}"
    assert f"ssh -L {port}:localhost:{port} " in second and socket.gethostname() in second
    assert capsys.readouterr().out == "", "viser's own words are left out"


def test_another_host_is_warned_of(opened):
    lines = page.where_it_is(opened("0.0.0.0", free_port()))
    assert lines[0].startswith("live view: http://") and "0.0.0.0" not in lines[0]
    assert lines[1].startswith("warning: listening on 0.0.0.0")


def test_a_port_in_use_is_refused_if_asked_for_and_else_the_next_is_taken(opened, monkeypatch):
    port = free_port()
    monkeypatch.setattr(page, "PORT", port)
    assert opened().get_port() == port
    assert opened().get_port() != port
    with pytest.raises(InputError, match=f"--port: cannot listen on 127.0.0.1:{port}"):
        page.open_server(None, port)


@pytest.mark.parametrize(("host", "port"), [("203.0.113.7", None), (None, 70000), ("no.such", 80)])
def test_an_address_that_is_not_ours_is_refused_in_one_line(host, port):
    with pytest.raises(InputError) as refused:
        page.open_server(host, port)
    assert "cannot listen on" in str(refused.value) and "\n" not in str(refused.value)


def test_without_viser_one_line_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="viser is not installed"):
        page.open_server()


def test_nobody_gets_a_tunnel(opened):
    assert opened(None, free_port()).request_share_url() is None
