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
from typing import IO, Final

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


def run() -> Section:
    with tempfile.TemporaryDirectory() as home, served_site(5_000, latency=0.05) as site:
        environment = {**os.environ, "JIRA_ASSETS_HOME": home}
        _jira_assets(
            environment, "integration", "add", KEY, f"--base-url={site.url}", "--auth=none"
        )
        key = _jira_assets(environment, "key", "create", "bench", "--name=readers").strip()
        with _api(environment, Path(home)) as port:
            path = asyncio.run(_ask(port, key))
            rows = [
                [load, said, *measured((port, path, key, pause), environment if syncs else None)]
                for load, syncs in LOADS.items()
                for said, pause in PAUSES.items()
            ]
    return Section(
        title="Reading how far a request is",
        question=(
            f"{READERS} readers of `GET /requests/{{id}}` on connections of their own, for "
            f"{SECONDS:.0f} s; their client is a process beside the service. Milliseconds; at most "
            "50 at the 99th percentile while a sync runs."
        ),
        command="python -m benchmarks readers",
        columns=["load", "readers", "answers a second", "p50", "p99"],
        rows=rows,
    )


def measured(call: tuple[int, str, str, float], syncing: dict[str, str] | None) -> list[str]:
    """Return answers a second, p50 and p99; ``syncing`` is the environment of a sync beside."""
    port, path, key, pause = call
    command = [sys.executable, "-m", "benchmarks.readers", str(port), path, str(pause)]
    sync = None if syncing is None else _sync(syncing)
    try:
        time.sleep(8 if sync else 0)  # past its imports, into its reading
        done = subprocess.run(
            command, env={**os.environ, "KEY": key}, check=True, stdout=subprocess.PIPE, text=True
        )
        if sync is not None and sync.poll() is not None:
            raise RuntimeError("the sync was over before the readers were")
    finally:
        if sync is not None:
            sync.terminate()
            sync.wait()
    seconds: list[float] = json.loads(done.stdout)
    percentiles = quantiles(seconds, n=100)
    return [
        f"{len(seconds) / SECONDS:,.0f}",
        f"{1000 * percentiles[49]:.1f}",
        f"{1000 * percentiles[98]:.1f}",
    ]


async def read_all(port: int, path: str, key: str, pause: float) -> list[float]:
    """Let every reader read until the time is over; return what each answer took, in seconds."""
    call = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    begin = time.perf_counter() + WARM_UP_SECONDS
    readers = [_read(port, call, pause, begin, number) for number in range(READERS)]
    return [seconds for each in await asyncio.gather(*readers) for seconds in each]


async def _read(port: int, call: bytes, pause: float, begin: float, number: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(pause * number / READERS)  # not all in step
    took: list[float] = []
    while (began := time.perf_counter()) < begin + SECONDS:
        writer.write(call)
        await _answer(reader)
        ended = time.perf_counter()
        if began >= begin:
            took.append(ended - began)
        await asyncio.sleep(max(0.0, pause - (ended - began)))
    writer.close()
    return took


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(OK):
        raise RuntimeError(f"the service answered {head[:100]!r}")
    [length] = re.findall(rb"content-length: (\d+)", head)
    return await reader.readexactly(int(length))


async def _ask(port: int, key: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = "/jira/extract/statuses-and-relationships/site"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    [location] = re.findall(rb"location: (\S+)", answer)
    return str(location.decode())


@contextmanager
def _api(environment: dict[str, str], home: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "jira_assets", "api", "--port", "0"]
    with (
        (home / "api.log").open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        yield _port(process.stdout)
        process.terminate()


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
