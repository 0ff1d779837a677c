"""The floor plan that a site provides: its SVG with the elements of gates, doors and cameras shown as they are."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from edge.errors import EdgeError

LARGEST = 4 * 1024 * 1024
SVG = "http://www.w3.org/2000/svg"
DROPPED = {f"{{{SVG}}}script", f"{{{SVG}}}style", f"{{{SVG}}}foreignObject"}


class Mark(NamedTuple):
    """How an element of the plan is shown: its class, and what it says to who points at it or cannot see it."""

    level: str
    said: str


class Plan:
    """Read once; EdgeError when it is no SVG. What could act in a browser is left out."""

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > LARGEST:
                raise EdgeError("{path} is larger than 4 MiB", path=path)
            text = path.read_text()
            if "<!DOCTYPE" in text or "<!ENTITY" in text:
                raise EdgeError("{path}: a plan has no DOCTYPE; save it as plain SVG", path=path)
            self._root = ET.fromstring(text)
        except (OSError, ValueError, ET.ParseError) as error:
            raise EdgeError("{path} cannot be read as a plan: {why}", path=path, why=error) from error
        if self._root.tag != f"{{{SVG}}}svg":
            raise EdgeError("{path} is not an SVG", path=path)
        _clean(self._root)

    def drawn(self, marks: Mapping[str, Mark]) -> str:
        """The plan as markup. `marks`: of gates (`SITE/GATE`), which lead to their pages, and of their doors and
        cameras (`SITE/GATE/door/NAME`)."""
        ET.register_namespace("", SVG)
        root = ET.fromstring(ET.tostring(self._root))
        root.set("class", "plan")
        for parent in list(root.iter()):
            for number, element in enumerate(list(parent)):
                place = element.get("id", "")
                if place in marks:
                    _mark(element, marks[place])
                    if place.count("/") == 1:
                        parent[number] = _link(element, place, marks[place].said)
        return ET.tostring(root, encoding="unicode")


def _mark(element: ET.Element, mark: Mark) -> None:
    element.set("class", f"place level-{mark.level}")
    ET.SubElement(element, f"{{{SVG}}}title").text = mark.said


def _link(element: ET.Element, place: str, said: str) -> ET.Element:
    """The element within a link to the gate's page."""
    link = ET.Element(f"{{{SVG}}}a", {"href": f"/gates/{quote(place)}", "aria-label": said})
    link.append(element)
    return link


def _clean(element: ET.Element) -> None:
    for child in list(element):
        if child.tag in DROPPED:
            element.remove(child)
        else:
            _clean(child)
    for name in list(element.attrib):
        value = element.attrib[name].strip().lower()
        if name.lower().startswith("on") or (name.endswith("href") and not value.startswith(("#", "data:image/"))):
            del element.attrib[name]
