"""Reads the issues of a site by Airbyte's connector; prints seconds and issues as JSON. A script.

It runs in the connector's own environment and imports nothing of ours. What the connector says goes
to a process that counts its records, as a destination would take them.
"""

import json
import subprocess
import sys
from pathlib import Path

COUNT = """
import sys
print(sum(b'"RECORD"' in line[:30] for line in sys.stdin.buffer))
"""
READ = """
import sys, time
from source_jira.run import run
began = time.perf_counter()
run()
print(time.perf_counter() - began, file=sys.stderr)
"""


def main(url: str, folder: str) -> None:
    import source_jira  # the rival's own environment has it, ours has not

    # It speaks https alone, by its manifest, which it looks for beside its own code.
    manifest = Path(source_jira.__file__).with_name("manifest.yaml")
    manifest.write_text(manifest.read_text().replace("https://{{", "http://{{"))
    config = {"domain": url.partition("//")[2], "email": "reader@example.com", "api_token": "none"}
    stream = {
        "stream": {
            "name": "issues",
            "json_schema": {},
            "supported_sync_modes": ["full_refresh", "incremental"],
        },
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    files = {"config": config, "catalog": {"streams": [stream]}}
    arguments = ["read"]
    for name, document in files.items():
        path = Path(folder, f"{name}.json")
        path.write_text(json.dumps(document))
        arguments += [f"--{name}", str(path)]
    reading = subprocess.Popen(
        [sys.executable, "-c", READ, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    counted = subprocess.run(
        [sys.executable, "-c", COUNT], check=True, stdin=reading.stdout, stdout=subprocess.PIPE
    )
    said = reading.stderr.read().decode() if reading.stderr else ""
    if reading.wait():
        raise RuntimeError(said)
    print(json.dumps({"seconds": float(said.split()[-1]), "issues": int(counted.stdout)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
