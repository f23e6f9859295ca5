"""Secrets are references, resolved at the moment of use: ``env:NAME`` or ``file:/path``.

Nothing here caches: a token that another process renews in its file is the new one at the next use.
What a reference holds is never stored, logged, or part of an error. A text that is no reference is
not repeated either: it may be the secret itself, pasted in the wrong place.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class InvalidSecretReferenceError(ValueError):
    """A text that is no reference to a secret."""


class SecretUnavailableError(LookupError):
    """There is nothing where the reference points. Names the reference, never a content."""


def check_reference(reference: str) -> str:
    """Return ``reference`` if it is one; whether anything is there is found out at its use.

    Raises:
        InvalidSecretReferenceError: it is none.
    """
    scheme, _, rest = reference.partition(":")
    valid = {
        "env": _ENV_NAME.fullmatch(rest) is not None,
        "file": Path(rest).is_absolute() and "\0" not in rest,
    }
    if not valid.get(scheme, False):
        raise InvalidSecretReferenceError(
            "the secret is a reference, env:NAME or file:/absolute/path, and not the secret itself "
            "(what was given is not repeated here)"
        )
    return reference


def resolve_secret(reference: str) -> str:
    """Return what ``reference`` points to, now. A file's last line break is not part of it.

    Raises:
        InvalidSecretReferenceError: ``reference`` is none.
        SecretUnavailableError: the variable is not set, the file cannot be read, or it is empty.
    """
    scheme, _, place = check_reference(reference).partition(":")
    secret = RESOLVERS[scheme](place)
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


RESOLVERS: Final[dict[str, Callable[[str], str]]] = {"env": _from_environment, "file": _from_file}
"""How each kind of reference is resolved, by what stands before its first colon."""
