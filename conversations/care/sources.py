"""Where a fact is from."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A public page or article.

    `title` names publisher and date, the same in every language; `url` is empty where the text read bears no
    address. `read` is the month, "2026-11", in which it was read.
    """

    key: str
    title: str
    url: str
    read: str


Sources = Mapping[str, Source]
