"""What can go wrong with Jira, split by who must act.

::

    JiraError
    ├── PermanentJiraError            somebody must act; trying again changes nothing
    │   ├── InvalidSiteError          the integration's settings cannot work
    │   ├── SecretError               the secret is missing or cannot be sent
    │   ├── CredentialsRefusedError   401
    │   │   ├── ScopeError            401, the token lacks a scope
    │   │   ├── CaptchaError          Jira wants a person to log in first
    │   │   └── AnonymousViewError    200, but not as the account that was given
    │   ├── NotJiraError              200 HTML: a login page, or another application
    │   │   └── RedirectedError       the site sends us to a login page, another host, or nowhere
    │   ├── UnreadableError           of one object it is a fact, of a list it is a failure
    │   │   ├── ForbiddenError        403
    │   │   └── NotFoundError         404
    │   │       └── WrongPathError    404 HTML: a wrong context path
    │   ├── GoneError                 410
    │   ├── RefusedRequestError       any other 4xx
    │   ├── OversizedAnswerError      no end of it is to be seen
    │   ├── UntrustedCertificateError
    │   ├── WrongDeploymentError      Cloud taken for Data Center, or the other way round
    │   └── LostAccessError           an empty list where there cannot be one
    └── TransientJiraError            worth another try, later
        ├── ConnectionFailedError     refused, timed out, cut off
        ├── RateLimitedError          429
        ├── UnavailableError          5xx
        ├── MalformedAnswerError      empty body, cut JSON, wrong shape
        └── PagingError               pages that do not hang together

An error carries its culprit as data (``url``, ``tries``, ``status``, ``must_act``), and its text
says what happened, who must do what, and where. Neither ever holds a secret: URLs come without
credentials, and no error is chained to one of ``requests``, whose request object holds the headers.
The text may quote Jira, and holds no U+0000 and no other control character: logs and Postgres
refuse them.
"""

from typing import Any, ClassVar, Final

WHO_KEEPS_THE_ACCOUNT: Final = "whoever keeps the integration's account and token"


class JiraError(Exception):
    """Reading Jira failed.

    Args:
        what: what happened, in one sentence.
        url: what was asked for; None where the failure is about no single call.
        status: the HTTP status of the last answer; None where there was no answer.

    ``tries`` is the number of calls made before giving up, ``must_act`` who can do something.
    """

    remedy: ClassVar[str] = ""
    must_act: ClassVar[str] = "whoever set the integration up"

    def __init__(self, what: str, *, url: str | None = None, status: int | None = None) -> None:
        super().__init__("".join(letter if letter.isprintable() else " " for letter in what))
        self.url = url
        self.status = status
        self.tries = 1

    def __str__(self) -> str:
        what = str(self.args[0])
        sentence = f"{what} {self.remedy}" if self.remedy else what
        if self.url is None:
            return sentence
        tries = "1 try" if self.tries == 1 else f"{self.tries} tries"
        answer = "no answer" if self.status is None else f"last answer {self.status}"
        return f"{sentence} ({self.url}; {tries}; {answer})"


class PermanentJiraError(JiraError):
    """Trying again changes nothing: somebody must act."""


class TransientJiraError(JiraError):
    """Worth another try, later; ``retry_after`` is the seconds that Jira asked to wait, or None."""

    remedy = "It is worth another try later."
    must_act = "whoever runs the Jira site, if it lasts"

    def __init__(
        self,
        what: str,
        *,
        url: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, url=url, status=status)
        self.retry_after = retry_after


class InvalidSiteError(PermanentJiraError):
    """The integration's settings cannot work."""


class SecretError(PermanentJiraError):
    """The secret is missing, empty, or nothing that a header may hold."""

    remedy = "Give the integration a secret reference that yields its token."
    must_act = WHO_KEEPS_THE_ACCOUNT


class CredentialsRefusedError(PermanentJiraError):
    """Jira refuses the user name, the token, or both."""

    remedy = "Give the integration a valid user name and token: tokens expire and are revoked."
    must_act = WHO_KEEPS_THE_ACCOUNT


class ScopeError(CredentialsRefusedError):
    """The token is valid and lacks a scope."""

    remedy = "Give the token the scopes read:jira-work and read:jira-user."


class CaptchaError(CredentialsRefusedError):
    """Too many failed logins: Jira wants a person to solve a CAPTCHA."""

    remedy = "Log in once in a browser as this account, or let an administrator reset its logins."


class AnonymousViewError(CredentialsRefusedError):
    """Jira answers as to an anonymous visitor: an empty list means nothing then."""


class NotJiraError(PermanentJiraError):
    """The answer is a page for people."""

    remedy = (
        "Check the integration's base URL, context path included, and that its login works without "
        "a browser."
    )


class RedirectedError(NotJiraError):
    """The site sends us to a login page, to another host, in a circle or nowhere."""


class UnreadableError(PermanentJiraError):
    """The object is not there, or not for this account. ``body`` is Jira's answer to that."""

    def __init__(self, what: str, *, url: str, status: int, body: Any) -> None:
        super().__init__(what, url=url, status=status)
        self.body = body


class ForbiddenError(UnreadableError):
    """The account may not read this."""

    remedy = "Give the integration's account the permission to read it."
    must_act = WHO_KEEPS_THE_ACCOUNT


class NotFoundError(UnreadableError):
    """There is no such object, or the account may not see it."""

    remedy = "Check the integration's base URL and the permissions of its account."


class WrongPathError(NotFoundError):
    """Something answers at this host, and it is not Jira's REST API."""

    remedy = (
        "Check the integration's base URL: its context path (as in https://host/jira) is wrong."
    )


class GoneError(PermanentJiraError):
    """Jira no longer has this endpoint."""

    remedy = "Update jira_assets: this version of it asks for what Jira has removed."
    must_act = "whoever runs jira_assets"


class RefusedRequestError(PermanentJiraError):
    """Jira understood the call and refuses it. ``body`` is its answer to that."""

    remedy = "Report it to the maintainers of jira_assets, with this text."
    must_act = "whoever runs jira_assets"

    def __init__(self, what: str, *, url: str, status: int, body: Any = None) -> None:
        super().__init__(what, url=url, status=status)
        self.body = body


class OversizedAnswerError(PermanentJiraError):
    """An answer is larger than any that Jira gives."""

    remedy = "Check what answers at the integration's base URL, and what is between."


class UntrustedCertificateError(PermanentJiraError):
    """The site's certificate cannot be verified."""

    remedy = (
        "Renew the certificate, or name the private CA's bundle: by --ca-bundle of the "
        "integration, or for all of them in REQUESTS_CA_BUNDLE."
    )


class WrongDeploymentError(PermanentJiraError):
    """The site is of another kind than the integration says."""


class LostAccessError(PermanentJiraError):
    """A list that cannot be empty is: the account lost its access."""

    remedy = "Give the account the permission Browse Projects; nothing was deleted."
    must_act = WHO_KEEPS_THE_ACCOUNT


class ConnectionFailedError(TransientJiraError):
    """No answer, or only a part of one."""


class RateLimitedError(TransientJiraError):
    """Jira asks for fewer calls."""


class UnavailableError(TransientJiraError):
    """Jira, or a proxy before it, is out of order."""


class MalformedAnswerError(TransientJiraError):
    """An answer of 200 that holds nothing, half a document, or another thing than was asked for."""


class PagingError(TransientJiraError):
    """Pages that repeat or never end."""
