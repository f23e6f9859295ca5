"""Bounds of one answer: how long it may take as a whole, and how large it may be unpacked.

Decisions this module embodies:

* A read timeout counts each piece alone: a site, or a proxy before it, that sends a byte now and
  then would hold a reading for ever, which looks alive. So the whole answer has a time, too, looked
  at before each piece, header lines and interim answers (100 Continue) included.
* A body is read in pieces and counted as it is unpacked: some bytes can unpack to gigabytes.
"""

import io
import time
from http.client import HTTPResponse
from typing import Any, Final

from urllib3 import BaseHTTPResponse

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of one body, unpacked. The list of 10,000 projects of Data Center has some twenty million."""
_PIECE_BYTES: Final = 64 * 1024


class NeverEndingError(TimeoutError):
    """An answer took longer as a whole than it may."""


class OversizedBodyError(Exception):
    """A body is larger than it may be."""


def answers_within(seconds: float) -> type[HTTPResponse]:
    """Return the class of answers that must be there whole after ``seconds``."""

    class Bounded(HTTPResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # Nothing was read yet, so the buffer that is dropped is empty.
            self.fp = io.BufferedReader(_Hurried(self.fp.detach(), seconds))

    return Bounded


def read_whole(response: BaseHTTPResponse, most: int) -> bytes:
    """Read a body, unpacked; raises ``OversizedBodyError`` for one of more than ``most`` bytes."""
    pieces, size = [], 0
    while piece := response.read(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            response.close()
            response.release_conn()  # its place in the pool; it connects anew
            raise OversizedBodyError
    return b"".join(pieces)


class _Hurried(io.RawIOBase):
    """What arrives at a socket, for as long as there is time."""

    def __init__(self, arriving: io.RawIOBase, seconds: float) -> None:
        self._arriving = arriving
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._until:
            raise NeverEndingError
        return self._arriving.readinto(buffer)

    def fileno(self) -> int:
        return self._arriving.fileno()

    def close(self) -> None:
        self._arriving.close()
        super().close()
