"""The series of a soak as one SVG: a small curve each, on its own scale, from zero."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from jira_assets_tests.soak.verdict import Point

_WIDE: Final = 300
_HIGH: Final = 90
_COLUMNS: Final = 3
_GAP: Final = 34
_MOST: Final = 300
"""Points of a curve; of more, every second, third … is drawn."""


def picture(figures: Mapping[str, Sequence[Point]], seconds: float) -> str:
    """Return the curves, by name, of a soak that took so many seconds."""
    rows = -(-len(figures) // _COLUMNS)
    size = {"width": str(_COLUMNS * (_WIDE + _GAP)), "height": str(rows * (_HIGH + 2 * _GAP))}
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
    ET.SubElement(svg, "rect", {**size, "fill": "white"})
    for place, (name, points) in enumerate(figures.items()):
        left = place % _COLUMNS * (_WIDE + _GAP) + _GAP / 2
        top = place // _COLUMNS * (_HIGH + 2 * _GAP) + _GAP
        _curve(svg, left, top, name, points, seconds)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _curve(
    svg: ET.Element, left: float, top: float, name: str, points: Sequence[Point], seconds: float
) -> None:
    highest = max((value for _, value in points), default=0.0)
    drawn = points[:: max(1, len(points) // _MOST)]
    across, down = _WIDE / max(seconds, 1), _HIGH / (highest or 1)
    line = " ".join(
        f"{left + across * at:.1f},{top + _HIGH - down * value:.1f}" for at, value in drawn
    )
    words = {"x": f"{left}", "y": f"{top - 6}", "font-size": "11", "font-family": "sans-serif"}
    ET.SubElement(svg, "text", words).text = f"{name}, up to {highest:,.0f}"
    axis = {"x1": f"{left}", "x2": f"{left + _WIDE}", "y1": f"{top + _HIGH}"}
    ET.SubElement(svg, "line", {**axis, "y2": f"{top + _HIGH}", "stroke": "#bbb"})
    ET.SubElement(svg, "polyline", {"points": line, "fill": "none", "stroke": "#2358a5"})
