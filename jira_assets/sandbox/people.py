"""Whoever does something in a Jira."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A user: ``account_id`` on Cloud, ``name`` (also the key) on Data Center.

    One without a display name is sent without it.
    """

    account_id: str
    name: str
    display_name: str
