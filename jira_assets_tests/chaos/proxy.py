"""A TCP proxy on loopback that cuts, refuses or stalls the connections that go through it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]
_CHUNK: Final = 1 << 16


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
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

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
        server = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _reset(self) -> int:
        for writer in self._open:
            writer.transport.abort()
        return len(self._open) // 2

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, onward = await self._connect()
        except OSError:
            writer.transport.abort()
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
