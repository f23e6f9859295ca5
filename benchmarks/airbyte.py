"""The rival: Airbyte's connector for Jira, installed anew, reading the issues of a site.

It knows no other search than the one that Cloud removed in 2025: the site must have kept it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.site import ServedSite

PACKAGE = "airbyte-source-jira==4.0.0"


class NotInstalledError(RuntimeError):
    """The rival cannot be had here: no package index, or none that has it."""


def seconds_of_airbyte(site: ServedSite, issues: int) -> float:
    """Return the wall seconds in which it writes all issues to a pipe, its imports not counted."""
    with tempfile.TemporaryDirectory() as folder:
        python = _installed(Path(folder))
        script = Path(__file__).with_name("airbyte_alone.py")
        done = subprocess.run(
            [python, script, site.url, folder], check=True, stdout=subprocess.PIPE, text=True
        )
    took = json.loads(done.stdout.splitlines()[-1])
    if took["issues"] != issues:
        raise RuntimeError(f"Airbyte's connector read {took['issues']} of {issues} issues")
    return float(took["seconds"])


def _installed(folder: Path) -> Path:
    """Install it into an environment of its own; return that one's Python."""
    subprocess.run([sys.executable, "-m", "venv", folder / "rival"], check=True)
    python = folder / "rival" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", PACKAGE]
    done = subprocess.run(install, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NotInstalledError(f"{PACKAGE}: {done.stderr.strip().splitlines()[-1]}")
    return python
