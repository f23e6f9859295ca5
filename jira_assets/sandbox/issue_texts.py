"""What people write into made-up issues, and who they are: awkward on purpose."""

from typing import Final

from jira_assets.sandbox.draws import Chance
from jira_assets.sandbox.issue_model import Named, RichText
from jira_assets.sandbox.people import Person

NAMELESS: Final = Person("712020:0000-nameless", "nameless", "")
"""A user without a display name."""
PEOPLE: Final = (
    Person("712020:8f1e-anna", "anna", "Anna Ångström"),
    Person("712020:1b2c-li", "li.wei", "李伟"),
    Person("557058:77aa-omar", "omar", "عمر"),
    Person("5b10ac8d82e05b22cc7d4ef5", "JIRAUSER10100", 'O\'Brien, "Bob"'),
    Person("712020:9c0d-zoe", "zoe", "Zoë 🦊"),
    NAMELESS,
)
PRIORITIES: Final = (
    Named("1", "Highest"),
    Named("2", "High"),
    Named("3", "Medium"),
    Named("4", "Low"),
    Named("10000", "Без приоритета"),
)
RESOLUTIONS: Final = (Named("10000", "Done"), Named("10001", "Won't Do"), Named("5", "重复"))
LABELS: Final = ("backend", "needs-review", "NULL", "naïve", "'; DROP TABLE issues;--", "前端")

ODD: Final = (
    "NUL \0 in the middle",
    "🚀🔥 to the moon 👩‍👩‍👧‍👦",
    "请求失败\uff1a无法保存",
    "Сбой при сохранении «черновика»",
    "فشل في حفظ المسودة",
    "Robert'); DROP TABLE issues;--",
    "  leading and trailing  ",
    "NULL",
    "\\N\t\\.\r\nCOPY",
    "cafe\u0301 and caf\u00e9",
    "{quote}unclosed h1. *wiki",
    "x" * 255,
)
"""Texts that readers and databases have broken on."""

LONG_BYTES: Final = 1_000_000
DEEP: Final = 148
"""Quotations in each other, each two levels of JSON."""

_WORDS: Final = (
    *("the", "login", "page", "times", "out", "after", "an", "update", "of", "the", "gateway"),
    *("when", "many", "users", "export", "large", "reports", "because", "the", "cache", "is"),
    *("cleared", "twice", "a", "day", "and", "customers", "see", "an", "empty", "table"),
    *("instead", "of", "their", "open", "orders", "so", "we", "retry", "with", "less"),
)


def sentence(chance: Chance) -> str:
    """Return some words."""
    start, count = chance.below(len(_WORDS)), 4 + chance.below(8)
    return " ".join((_WORDS + _WORDS)[start : start + count]).capitalize()


def description(chance: Chance) -> RichText:
    """Return a few paragraphs."""
    return RichText("\n".join(f"{sentence(chance)}." for _ in range(1 + chance.below(5))))


def deep_description() -> RichText:
    """Return words inside more quotations than most encoders go into: some 300 levels of JSON."""
    return RichText("At the bottom", DEEP)


def long_description() -> RichText:
    """Return about a megabyte, as somebody pastes a log."""
    line = "2024-03-01 12:00:00,123 ERROR [http-nio-8080-exec-7] Ünexpected end of stream\n"
    return RichText(line * (LONG_BYTES // len(line)))
