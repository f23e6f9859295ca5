"""Secrets are references, resolved at the moment of use: ``env:NAME``, ``file:/path``, and others.

An installed package may resolve references of a kind of its own: it names a ``Resolver`` in the
entry point group ``jira_assets.secret_resolvers``, under what stands before the first colon.
``systemd:NAME`` is made like that.

Nothing here caches: a token that another process renews in its file is the new one at the next use.
What a reference holds is never stored, logged, or part of an error. A text that is no reference is
not repeated either: it may be the secret itself, pasted in the wrong place.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

GROUP: Final = "jira_assets.secret_resolvers"
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL: Final = re.compile(r"(?!\.\.?$)[\w.@:-]{1,255}", re.ASCII)


class InvalidSecretReferenceError(ValueError):
    """A text that is no reference to a secret."""


class SecretUnavailableError(LookupError):
    """There is nothing where the reference points. Names the reference, never a content."""


@dataclass(frozen=True)
class Resolver:
    """Resolves references of one kind. Both functions get what follows the first colon."""

    fits: Callable[[str], bool]
    """Whether a reference may look like that; nothing is looked up."""
    read: Callable[[str], str]
    """Returns the secret as it is now, called from several threads. Raises
    ``SecretUnavailableError``, without any content; of anything else only the class is told."""


def check_reference(reference: str) -> str:
    """Return ``reference`` if it is one; whether anything is there is found out at its use.

    Raises:
        InvalidSecretReferenceError: it is none.
    """
    scheme, _, place = reference.partition(":")
    resolver = _resolver(scheme)
    if resolver is None or not resolver.fits(place):
        raise InvalidSecretReferenceError(
            "the secret is a reference, env:NAME or file:/absolute/path, and not the secret itself "
            "(what was given is not repeated here). Of other kinds, systemd:NAME or what an "
            f"installed package offers as {GROUP}, it is none either"
        )
    return reference


def resolve_secret(reference: str) -> str:
    """Return what ``reference`` points to, now. A file's last line break is not part of it.

    Raises:
        InvalidSecretReferenceError: ``reference`` is none.
        SecretUnavailableError: the variable is not set, the file cannot be read, or it is empty.
    """
    scheme, _, place = check_reference(reference).partition(":")
    resolver = _resolver(scheme)
    try:
        secret = resolver.read(place) if resolver else ""
    except SecretUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  # of another package; its text may hold the secret
        raise SecretUnavailableError(
            f"{reference} cannot be resolved: its resolver failed with {type(error).__name__}. "
            "Look at the package that offers it."
        ) from None
    if not secret:
        raise SecretUnavailableError(f"{reference} is empty: put the secret there.")
    return secret


def _from_environment(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise SecretUnavailableError(
            f"env:{name} is not set: set the environment variable {name} for the process that "
            "reads Jira (the run, not only this terminal)."
        ) from None


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretUnavailableError(f"file:{path} is no UTF-8 text.") from None
    except OSError as error:
        raise SecretUnavailableError(
            f"file:{path} cannot be read ({error.strerror}): it must exist, and the process that "
            "reads Jira must be allowed to read it."
        ) from None


def _from_systemd(name: str) -> str:
    """Read what a unit's ``LoadCredential=`` or ``LoadCredentialEncrypted=`` put there."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretUnavailableError(
            f"systemd:{name} is not there: no unit of systemd with LoadCredential={name}:… has "
            "started this process."
        )
    return _from_file(str(Path(folder, name)))


_BUILT_IN: Final = {
    "env": Resolver(lambda place: _ENV_NAME.fullmatch(place) is not None, _from_environment),
    "file": Resolver(lambda place: Path(place).is_absolute() and "\0" not in place, _from_file),
}
SYSTEMD: Final = Resolver(lambda place: _CREDENTIAL.fullmatch(place) is not None, _from_systemd)


@cache
def _resolver(scheme: str) -> Resolver | None:
    """Return what resolves references of a kind; None if nothing does. Ours come first."""
    found = _BUILT_IN.get(scheme)
    if found is None:
        offered = next(iter(entry_points(group=GROUP, name=scheme)), None)
        loaded = None if offered is None else offered.load()
        found = loaded if isinstance(loaded, Resolver) else None
    return found
