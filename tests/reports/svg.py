"""What a picture says."""

import xml.etree.ElementTree as ElementTree


def labels(svg):
    """The texts of an SVG image, in their order."""
    return [each.text or "" for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("text")]


def words(svg):
    """All of them in one string."""
    return " ".join(labels(svg))
