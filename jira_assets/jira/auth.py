"""The Authorization header, made anew for every call from a secret that is resolved for it.

Nothing here keeps what it made, and no function raises while it holds a secret: tracebacks may be
printed with their variables. A secret that no header may hold is refused before ``http.client``
sees it, whose own error would quote it.
"""

import base64

from jira_assets.jira.errors import SecretError
from jira_assets.jira.site import Site


def authorization(site: Site) -> str | None:
    """Return the value of the Authorization header, None for anonymous reading.

    Raises ``SecretError`` if the secret cannot be resolved, is empty, or cannot be sent.
    """
    if site.anonymous:
        return None
    header, problem = _header(site)
    if problem:
        raise SecretError(f"The secret for {site.base_url} cannot be used: {problem}.")
    return header


def _header(site: Site) -> tuple[str, str]:
    """Return the header and '', or '' and what is wrong with the secret."""
    try:
        secret = site.secret().strip() if site.secret else ""
    except (LookupError, OSError, ValueError) as error:
        return "", str(error).rstrip(".")
    if not secret:
        return "", "it is empty"
    if site.auth == "basic":
        pair = f"{site.username}:{secret}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}", ""
    if not all("!" <= letter <= "~" for letter in secret):
        return "", "a bearer token holds no blanks and no letters beyond ASCII"
    return f"Bearer {secret}", ""
