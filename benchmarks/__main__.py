"""Run every benchmark and write ``docs/benchmarks.md``: ``make bench``.

Each benchmark is a module with ``run() -> Section``, measured in a process of its own, so that
none inherits the memory or the imports of another. Its section of the page is written as soon as it
is measured; named on the command line, only those are.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.section import Section

BENCHMARKS = (
    "reading",
    "manners",
    "merge",
    "sync",
    "memory",
    "issues",
    "issue_parts",
    "jobs_tick",
    "post_to_start",
    "readers",
    "on_time",
)
TARGET = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = (
    "# Benchmarks\n\nWritten by `make bench`. Ratios, each against an ideal or a rival in the same "
    "run.\n"
)


def main() -> None:
    where = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    for name in sys.argv[1:] or BENCHMARKS:
        section = measure(name)
        print(section.markdown(where))
        TARGET.write_text(page(TARGET.read_text(), section.title, section.markdown(where)))
    print(f"written: {TARGET}")


def measure(name: str) -> Section:
    code = f"import json, benchmarks.{name} as b; print(); print(json.dumps(b.run()._asdict()))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    return Section(**json.loads(done.stdout.splitlines()[-1]))


def page(before: str, title: str, section: str) -> str:
    """Return the page with one section new, in its place or at the end."""
    sections = {part.split("\n", 1)[0]: f"## {part}" for part in before.split("\n## ")[1:]}
    sections[title] = section
    return "\n".join([HEAD, *(text.rstrip("\n") + "\n" for text in sections.values())])


if __name__ == "__main__":
    main()
