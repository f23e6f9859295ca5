"""Run every benchmark and write ``docs/benchmarks.md``: ``make bench``.

Each benchmark is a module with ``run() -> Section``, measured in a process of its own, so that
none inherits the memory or the imports of another.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.section import Section

BENCHMARKS = ("reading", "manners", "merge", "sync", "memory")
TARGET = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    sections = [measure(name) for name in names]
    if not sys.argv[1:]:
        TARGET.write_text(page(sections))
        print(f"written: {TARGET}")


def measure(name: str) -> Section:
    code = f"import json, benchmarks.{name} as b; print(); print(json.dumps(b.run()._asdict()))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    section = Section(**json.loads(done.stdout.splitlines()[-1]))
    print(section.markdown())
    return section


def page(sections: list[Section]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    head = (
        "# Benchmarks\n\nWritten by `make bench`. Ratios, each against an ideal or a rival in the "
        f"same run.\n\nLast run: {datetime.now(UTC):%Y-%m-%d}, on {machine}.\n"
    )
    return "\n".join([head, *(section.markdown() for section in sections)])


if __name__ == "__main__":
    main()
