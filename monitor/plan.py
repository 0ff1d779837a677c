"""The floor plan that a site provides: its SVG with each gate's element coloured by how the gate is."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from edge.errors import EdgeError

LARGEST = 4 * 1024 * 1024
SVG = "http://www.w3.org/2000/svg"
DROPPED = {f"{{{SVG}}}script", f"{{{SVG}}}style", f"{{{SVG}}}foreignObject"}


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

    def drawn(self, levels: Mapping[str, str], names: Mapping[str, str]) -> str:
        """The plan as markup; `levels` gives the class and `names` the spoken text of each gate (`SITE/GATE`)."""
        ET.register_namespace("", SVG)
        root = ET.fromstring(ET.tostring(self._root))
        root.set("class", "plan")
        for element in root.iter():
            place = element.get("id", "")
            if place in levels:
                element.set("class", f"place level-{levels[place]}")
                ET.SubElement(element, f"{{{SVG}}}title").text = names[place]
        return ET.tostring(root, encoding="unicode")


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
