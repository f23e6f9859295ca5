"""``constraints.txt`` pins what the project declares, and all of what that brings along."""

from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PINS = {
    canonicalize_name(pin.name): pin
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
    for pin in [Requirement(line)]
}


def declared() -> list[Requirement]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lines = (line.strip() for text in texts for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_pin_is_one_version() -> None:
    assert PINS
    for pin in PINS.values():
        (only,) = pin.specifier
        assert only.operator == "==", pin


def test_what_is_declared_is_pinned_to_a_version_that_it_allows() -> None:
    for wanted in declared():
        (pin,) = PINS[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version, prereleases=True), wanted


def test_what_comes_along_is_pinned_as_it_is_installed() -> None:
    waiting, seen = declared(), set[str]()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = f"{name}{sorted(wanted.extras)}"
        if key in seen or not installed(name):
            continue
        seen.add(key)
        assert name in PINS, f"{name} is installed and not in constraints.txt: make constraints"
        (pin,) = PINS[name].specifier
        assert version(name) == pin.version, f"{name} {version(name)} was not installed by them"
        waiting += [
            each for each in map(Requirement, requires(name) or []) if applies(each, wanted)
        ]
    assert len(seen) > len(declared())


def installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def applies(needed: Requirement, by: Requirement) -> bool:
    """Whether a requirement is one here, of one of the extras that were asked for or of none."""
    if needed.marker is None:
        return True
    return any(needed.marker.evaluate({"extra": extra}) for extra in ("", *by.extras))
