#!/bin/sh
# Looks the versions of constraints.txt up in the database of known vulnerabilities, by pip-audit.
# Ends with 0: none is known; 1: some are, and are listed; 2: nobody could be asked.
set -u
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cannot() {
    echo "audit: $1. Whether they are vulnerable is not known; constraints.txt pins and lists the versions." >&2
    exit 2
}

"$python" -m venv "$folder/venv" || cannot "no virtual environment can be made"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit 2>"$folder/pip" ||
    cannot "pip-audit cannot be installed ($(tail -n 1 "$folder/pip"))"
"$folder/venv/bin/pip-audit" --requirement constraints.txt --no-deps --disable-pip --progress-spinner off \
    >"$folder/said" 2>&1
code=$?
if [ $code -ne 0 ] && ! grep -q '^Found [0-9]' "$folder/said"; then
    cannot "pip-audit cannot reach its database ($(tail -n 1 "$folder/said"))"
fi
# Of what it does not find it says at the end that nothing is known of, and ends with 0.
skipped=$(grep -c 'could not be audited' "$folder/said")
if [ $code -eq 0 ] && [ "$skipped" -ne 0 ]; then
    cannot "pip-audit's database does not have $skipped of the $(grep -c '==' constraints.txt) versions"
fi
cat "$folder/said"
exit $code
