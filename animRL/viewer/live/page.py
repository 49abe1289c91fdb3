"""The live view as a web page, by viser."""

from __future__ import annotations

import errno
import getpass
import importlib.util
import io
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np

from animRL.utils.errors import InputError
from animRL.viewer.live.playback import Shown
from animRL.viewer.live.player import Display, Player
from animRL.viewer.poses import Array

if TYPE_CHECKING:
    from animRL.viewer.live.panel import Panel
    from animRL.viewer.live.stage import Stage

LOOPBACK, PORT = "127.0.0.1", 8080
MISSING = "no live view: the package viser is not installed (pip install -e '.[viewer]')"
_NEWTON_PER_METRE = 250.0
"""Force of a drag, by the distance of the pointer from the place that was taken hold of."""
_MOST_DRAG = 800.0
_DRAG_SECONDS = 60.0
"""A drag acts until the mouse lets go; should nobody tell of that, it ends by itself."""


def require() -> None:
    """Find out whether there can be a page at all.

    Raises:
        InputError: if viser is missing.
    """
    if importlib.util.find_spec("viser") is None:
        raise InputError(MISSING)


def open_server(host: str | None = None, port: int | None = None) -> Any:
    """Open the page, still empty, on the loopback address or on another ``host``.

    With no port named, the first free one from `PORT` on is taken.

    Raises:
        InputError: if viser is missing, or the address cannot be listened on.
    """
    require()
    import viser

    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it tells of pages that went away
    address = host or LOOPBACK
    check_address(address, port)
    with redirect_stdout(io.StringIO()):  # viser prints a table of its own
        server = viser.ViserServer(host=address, port=port or PORT, label="animRL", verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    # A page may ask viser for a tunnel through which the whole internet can reach it.
    server.request_share_url = _no_tunnel  # type: ignore[method-assign]
    return server


def where_it_is(server: Any) -> list[str]:
    """Lines that say where the page is, and how it is reached from elsewhere."""
    host, port = server.get_host(), server.get_port()
    if host in (LOOPBACK, "localhost", "::1"):
        user, name = _user(), socket.gethostname()
        lines = [f"live view: http://localhost:{port}"]
        return [*lines, f"from another computer: ssh -L {port}:localhost:{port} {user}@{name}"]
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return [
        f"live view: http://{shown}:{port}",
        f"warning: listening on {host}: whoever reaches this computer can watch and push",
    ]


class Page(Display):
    """A scene with controls for whoever has opened the page."""

    def __init__(self, server: Any, player: Player) -> None:
        """Put a player's characters and controls on the page of `open_server`."""
        from animRL.viewer.live.panel import Panel
        from animRL.viewer.live.stage import Stage

        playback = player.playback
        self._server = server
        self._player = player
        self._stage: Stage = Stage(server, playback.character, playback.count)
        self._panel: Panel = Panel(server, player, self._show_reference)
        self._seen: frozenset[int] = frozenset()
        self._closed = False
        if playback.can_push:
            for who, handle in enumerate(self._stage.handles):
                handle.on_drag(self._drag_of(who))

    def show(self, player: Player, shown: Shown, centre: Array) -> None:
        """Draw an instant."""
        self._stage.show(shown, centre)
        self._panel.show(shown)

    def watched(self) -> bool:
        """Whether a browser has the page open."""
        clients = frozenset(self._server.get_clients())
        if clients - self._seen:
            self._player.post(lambda: None)  # who has just come is shown the present instant
        self._seen = clients
        return bool(clients)

    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Stop listening."""
        if not self._closed:
            self._closed = True
            self._server.stop()

    def _show_reference(self, show: bool) -> None:
        self._stage.show_reference = show

    def _drag_of(self, who: int) -> Callable[[Any], Any]:
        async def dragged(event: Any) -> None:
            """Pull to where the pointer is; a coroutine, so that events keep their order."""
            force = _NEWTON_PER_METRE * (
                np.array(event.end_position) - np.array(event.start_position)
            )
            size = float(np.linalg.norm(force))
            if size > _MOST_DRAG:
                force *= _MOST_DRAG / size
            seconds = 0.0 if event.phase == "end" else _DRAG_SECONDS
            self._player.post(lambda: self._player.pull(who, force, seconds))

        return dragged


def check_address(host: str, port: int | None) -> None:
    """Refuse in one line what cannot be listened on, before viser tries.

    Raises:
        InputError: naming the option.
    """
    if port is not None and not 0 < port < 2**16:
        raise InputError(f"--port: cannot listen on port {port}; valid: 1 to 65535, or none")
    try:
        families: Sequence[Any] = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = families[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:  # too long, or no text: not even asked for
        raise InputError(f"--host: '{host:.60}' is no name of a computer") from None
    except OSError as error:
        text = getattr(error, "strerror", None) or str(error)
        foreign = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        option, valid = (
            ("--host", "an address of this computer") if port is None or foreign
            else ("--port", "a free port, or none")
        )  # fmt: skip
        raise InputError(
            f"{option}: cannot listen on {host}:{port or PORT} ({text}); valid: {valid}"
        ) from None


def _no_tunnel(*_: object, **__: object) -> None:
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return os.environ.get("USER", "user")
