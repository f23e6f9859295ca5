"""A TCP proxy on loopback that cuts, refuses or stalls the connections that go through it."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]
_CHUNK: Final = 1 << 16
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: whoever is on the other side hears of a reset, not of a polite end."""


def to_port(port: int) -> Connect:
    """Return how to reach a port of loopback."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def to_socket(path: str) -> Connect:
    """Return how to reach a unix socket."""
    return lambda: asyncio.open_unix_connection(path)


class Proxy:
    """Passes on what comes, on a port of its own, in a thread of its own; a context manager."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ask(self._serve())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection there is; return how many."""
        return self._ask(self._reset())

    def refuse(self) -> None:
        """Reset every connection, and each that comes, until ``mend``."""
        self._refusing = True
        self.cut()

    def stall(self) -> None:
        """Let nothing through, and close nothing, until ``mend``."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def mend(self) -> None:
        """Pass on again what comes."""
        self._refusing = False
        self._loop.call_soon_threadsafe(self._flowing.set)

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self) -> None:
        self._server = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        self._flowing.set()
        await self._reset()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def _reset(self) -> int:
        for writer in self._open:
            _abort(writer)
        return len(self._open) // 2

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _abort(writer)
            return
        try:
            there, onward = await self._connect()
        except OSError:
            _abort(writer)
            return
        self._open |= {writer, onward}
        try:
            await asyncio.gather(self._pass_on(reader, onward), self._pass_on(there, writer))
        finally:
            self._open -= {writer, onward}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(chunk)
                await writer.drain()
        # A client that was killed ends its server's side, too, and the other way round.
        writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
