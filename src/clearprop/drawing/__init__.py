"""Drawings of networks: where everything stands, as data, and then as SVG."""

from clearprop.drawing.layout import Dot, Drawing, Mark, Stroke, followed, lay_out, own_wires
from clearprop.drawing.svg import svg

__all__ = ["Dot", "Drawing", "Mark", "Stroke", "followed", "lay_out", "own_wires", "svg"]
