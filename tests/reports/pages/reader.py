"""Read an HTML page strictly."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "input", "link", "hr", "path", "use", "rect", "line"}


class Reader(HTMLParser):
    """Text, tags and addresses of a page; every tag that opens must close."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.titles = [], set(), [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.titles += [value for name, value in attributes if name == "title"]
        assert not any(name.startswith("on") or name == "src" for name, _ in attributes)
        assert all((value or "").startswith("#") for name, value in attributes if name.endswith("href"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader
