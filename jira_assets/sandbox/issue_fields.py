"""Which fields of issues a request asks for: ``summary,customfield_10010``, ``*all,-comment``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ALL: Final = "*all"
NAVIGABLE: Final = "*navigable"
IDENTITY: Final = frozenset({"id", "key"})
"""What stands beside the fields of an issue, and may be asked for as if it were one."""

_NOT_NAVIGABLE: Final = frozenset({"comment", "attachment", "worklog", "issuelinks"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Fields to tell: those ``named``, or all if ``everything``, but never those ``left_out``."""

    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def of(cls, words: Iterable[str], default: str) -> "Selection":
        """Read what a request lists; ``default`` is what it means when it adds nothing."""
        said = [word for word in (one.strip() for one in words) if word]
        added = [word for word in said if not word.startswith("-")] or [default]
        taken = frozenset(word[1:] for word in said if word.startswith("-"))
        if ALL in added:
            return cls(left_out=taken, everything=True)
        if NAVIGABLE in added:
            return cls(frozenset(added) - {NAVIGABLE}, taken | _NOT_NAVIGABLE, everything=True)
        return cls(frozenset(added), taken)

    @property
    def only_ids(self) -> bool:
        """Whether nothing but the numeric id is wanted."""
        return not self.everything and self.named <= {"id"}

    @property
    def only_identity(self) -> bool:
        """Whether id and key are all that is wanted."""
        return not self.everything and self.named <= IDENTITY

    @property
    def has_fields(self) -> bool:
        """Whether ``fields`` is told at all."""
        return not self.only_identity

    def wants(self, name: str) -> bool:
        """Tell whether a field is told."""
        if name in self.named:
            return True
        return self.everything and name not in self.left_out
