"""Look at every link of the built site and of Markdown files: does what it names exist?

    python docs/scripts/links.py docs/_build/html README.md

Links within the site have to name a file of it, and an anchor of that file. Links to other places are not followed.
Prints the number of pages and links, and exits with 1 if one is dead.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Collects what a page links to, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the anchors of an element."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


@cache
def read(path: Path) -> Page:
    """Read a page of the site."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def dead_links(site: Path) -> Iterator[str]:
    """Yield the links of a site to files or anchors that are not there."""
    for path in sorted(site.rglob("*.html")):
        for link in read(path).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            if not _is_there(target, unquote(parts.fragment)):
                yield f"{path}: {link}"


def _is_there(target: Path, anchor: str) -> bool:
    if not target.exists() or not anchor or target.suffix != ".html":
        return target.exists()
    return anchor in read(target).anchors


def dead_paths(page: Path) -> Iterator[str]:
    """Yield the links of a Markdown file to files that are not there."""
    for link in links_of(page):
        if not (page.parent / link.partition("#")[0]).exists():
            yield f"{page}: {link}"


def links_of(page: Path) -> list[str]:
    """Return the relative links of a Markdown file."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [link for link in found if not re.match(r"\w+:|#", link)]


def main() -> int:
    """Look at all of them."""
    site, *pages = map(Path, sys.argv[1:])
    dead = [*dead_links(site), *(link for page in pages for link in dead_paths(page))]
    html = list(site.rglob("*.html"))
    count = sum(len(read(path).links) for path in html) + sum(len(links_of(page)) for page in pages)
    sys.stdout.write("".join(f"dead link: {each}\n" for each in dead))
    sys.stdout.write(f"{len(html)} pages, {count:,} links, {len(dead)} of them dead\n")
    return bool(dead)


if __name__ == "__main__":
    sys.exit(main())
