"""``GET /requests/{id}`` under 50 concurrent readers, while a large site is synced beside them."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import IO, Final, NamedTuple

import psutil

from benchmarks.section import Section
from benchmarks.site import served_site

KEY: Final = "bench/site"
READERS: Final = 50
SECONDS: Final = 15.0
WARM_UP_SECONDS: Final = 2.0
PAUSES: Final = {
    "each again at once": 0.0,
    "each again after 100 ms": 0.1,
    "each once a second": 1.0,
}
LOADS: Final = {"nothing beside": False, "a sync of 5,000 projects beside": True}
OK: Final = b"HTTP/1.1 200 "


class Served(NamedTuple):
    """A process that serves."""

    port: int
    pid: int


class Figures(NamedTuple):
    """Answers a second; then seconds: the median, the 99th percentile, CPU an answer."""

    answers: float
    p50: float
    p99: float
    cpu: float

    def texts(self) -> list[str]:
        """Return them for the table, in milliseconds."""
        return [
            f"{self.answers:,.0f}",
            *(f"{1000 * seconds:.1f}" for seconds in (self.p50, self.p99)),
            f"{1000 * self.cpu:.2f}",
        ]


def run() -> Section:
    with tempfile.TemporaryDirectory() as home, served_site(5_000, latency=0.05) as site:
        environment = {**os.environ, "JIRA_ASSETS_HOME": home}
        _jira_assets(
            environment, "integration", "add", KEY, f"--base-url={site.url}", "--auth=none"
        )
        key = _jira_assets(environment, "key", "create", "bench", "--name=readers").strip()
        with _api(environment, Path(home)) as service:
            path, body = asyncio.run(_ask(service.port, key))
            with _ideal(body) as ideal:
                rows = [
                    [
                        load,
                        said,
                        *compared(
                            *(
                                measured(each, (path, key, pause), environment if syncs else None)
                                for each in (service, ideal)
                            )
                        ),
                    ]
                    for load, syncs in LOADS.items()
                    for said, pause in PAUSES.items()
                ]
    return Section(
        title="Reading how far a request is",
        question=(
            f"{READERS} readers of `GET /requests/{{id}}` on connections of their own, for "
            f"{SECONDS:.0f} s; their client is a process beside the service. Milliseconds; at most "
            "50 at the 99th percentile while a sync runs. The ideal answers the same bytes from a "
            "bare Starlette route, without key, database or log, right after it under the same "
            "load. CPU is the serving process's own, for each answer."
        ),
        command="python -m benchmarks readers",
        columns=[
            *("load", "readers", "answers a second", "p50", "p99", "CPU"),
            *(
                "the ideal's answers a second",
                "its p50",
                "its p99",
                "its CPU",
                "p99 to the ideal's",
            ),
        ],
        rows=rows,
    )


def compared(ours: Figures, ideal: Figures) -> list[str]:
    """Return the figures of both, and the ratio of their p99."""
    return [*ours.texts(), *ideal.texts(), f"{ours.p99 / ideal.p99:.2f}"]


def measured(of: Served, call: tuple[str, str, float], syncing: dict[str, str] | None) -> Figures:
    """Let readers of (path, key, pause) read; ``syncing`` is the environment of a sync beside."""
    path, key, pause = call
    command = [sys.executable, "-m", "benchmarks.readers", str(of.port), path, str(pause)]
    sync = None if syncing is None else _sync(syncing)
    try:
        time.sleep(8 if sync else 0)  # past its imports, into its reading
        cpu = _cpu_seconds(of.pid)
        done = subprocess.run(
            command, env={**os.environ, "KEY": key}, check=True, stdout=subprocess.PIPE, text=True
        )
        cpu = _cpu_seconds(of.pid) - cpu
        if sync is not None and sync.poll() is not None:
            raise RuntimeError("the sync was over before the readers were")
    finally:
        if sync is not None:
            sync.terminate()
            sync.wait()
    seconds: list[float]
    seconds, all_of_them = json.loads(done.stdout)
    percentiles = quantiles(seconds, n=100)
    answers = len(seconds) / SECONDS
    return Figures(answers, percentiles[49], percentiles[98], cpu / all_of_them)


def _cpu_seconds(pid: int) -> float:
    """Return what a process has used, its threads' included."""
    spent = psutil.Process(pid).cpu_times()
    return float(spent.user + spent.system)


async def read_all(port: int, path: str, key: str, pause: float) -> tuple[list[float], int]:
    """Let every reader read until the time is over.

    Returns:
        What each answer took, in seconds; and how many there were with those of the warm-up.
    """
    call = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    begin = time.perf_counter() + WARM_UP_SECONDS
    readers = [_read(port, call, pause, begin, number) for number in range(READERS)]
    took = await asyncio.gather(*readers)
    return [seconds for each, _ in took for seconds in each], sum(count for _, count in took)


async def _read(
    port: int, call: bytes, pause: float, begin: float, number: int
) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(pause * number / READERS)  # not all in step
    took: list[float] = []
    count = 0
    while (began := time.perf_counter()) < begin + SECONDS:
        writer.write(call)
        await _answer(reader)
        ended = time.perf_counter()
        count += 1
        if began >= begin:
            took.append(ended - began)
        await asyncio.sleep(max(0.0, pause - (ended - began)))
    writer.close()
    return took, count


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(OK):
        raise RuntimeError(f"the service answered {head[:100]!r}")
    [length] = re.findall(rb"content-length: (\d+)", head)
    return await reader.readexactly(int(length))


async def _ask(port: int, key: str) -> tuple[str, bytes]:
    """Ask for a run; return the request's path, and what the service says of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = "/jira/extract/statuses-and-relationships/site"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    [location] = re.findall(rb"location: (\S+)", answer)
    [length] = re.findall(rb"content-length: (\d+)", answer)
    body = await reader.readexactly(int(length))
    writer.close()
    return location.decode(), body


@contextmanager
def _api(environment: dict[str, str], home: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "jira_assets", "api", "--port", "0"]
    with (
        (home / "api.log").open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        yield Served(_port(process.stdout), process.pid)
        process.terminate()


@contextmanager
def _ideal(body: bytes) -> Iterator[Served]:
    command = [sys.executable, "-m", "benchmarks.readers_ideal"]
    with (
        tempfile.TemporaryFile() as given,
        subprocess.Popen(
            command, stdin=_written(given, body), stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        yield Served(_port(process.stdout), process.pid)
        process.terminate()


def _written(file: IO[bytes], body: bytes) -> IO[bytes]:
    file.write(body)
    file.seek(0)
    return file


def _port(said: IO[str] | None) -> int:
    if said is None:
        raise RuntimeError("the service's process has no pipe")
    [port] = re.findall(r"127\.0\.0\.1:(\d+),", said.readline())
    return int(port)


def _sync(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jira_assets", "sync", KEY]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _jira_assets(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "jira_assets", *arguments]
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return done.stdout.decode()


if __name__ == "__main__":
    print(
        json.dumps(
            asyncio.run(
                read_all(int(sys.argv[1]), sys.argv[2], os.environ["KEY"], float(sys.argv[3]))
            )
        )
    )
