"""Sizes, letters and colours of all drawings: what pages need of them without the library that draws."""

from __future__ import annotations

from collections.abc import Mapping

from services.reporting.domain.charts.sheets import Theme

WIDTH = 720
"""Of every plot, in pixels: a column of a page; a phone scrolls it."""
FONT_SIZE = 13
FONT = "Panda Charts"
"""What letters are measured with, and PNG are written in: it is bundled. In a page they are the page's."""

COLOURS: Mapping[str, tuple[str, str]] = {
    "ink": ("#16181d", "#f2f0ea"),
    "paper": ("#fbfaf7", "#14161a"),
    "quiet": ("#5b6068", "#a3a7ae"),
    "line": ("#e2dfd7", "#2e3238"),
    "bamboo": ("#2f7d4f", "#6fbf8f"),
    "amber": ("#8a5a10", "#e0b25c"),
    "red": ("#b42318", "#f2867b"),
    "land": ("#e6e2d8", "#2a2e35"),
    "tone-1": ("#2f7d4f", "#4f9d70"),
    "tone-2": ("#6aa884", "#6fbf8f"),
    "tone-3": ("#a9cfb8", "#a9cfb8"),
    "tone-4": ("#d9b45f", "#d9b45f"),
    "tone-5": ("#b7791f", "#c98f3a"),
    "tone-6": ("#a8a29a", "#8b867f"),
    "tone-7": ("#d4776c", "#d4776c"),
    "tone-8": ("#b42318", "#e0665a"),
}
"""Name → light, dark. A page that has a variable of the name decides; the names of `page.css` mean the same here."""
TONES: Mapping[str, str] = {
    "given": "ink",
    "goods": "tone-1",
    "freight": "tone-2",
    "insurance": "tone-3",
    "duty": "tone-4",
    "monitoring": "tone-5",
    "administration": "tone-6",
    "committed": "tone-4",
    "reserved": "tone-4",
    "unallocated": "tone-5",
    "in_flight": "tone-5",
    "reversed": "tone-8",
    "packed": "ink",
    "accepted": "tone-1",
    "in_transit": "tone-2",
    "warehouse": "tone-3",
    "rejected": "tone-6",
    "damaged": "tone-7",
    "lost": "tone-8",
    "returned": "tone-6",
    "learning": "tone-1",
    "living": "tone-4",
    "hygiene": "tone-3",
    "leaflet": "tone-6",
}
"""What a mark is of → its colour. No mark is told by its colour alone: each has its name beside it."""


def colour(name: str) -> str:
    """As a drawing has it until it has a theme."""
    return f"var(--{name})"


def tone(of: str) -> str:
    """The colour of what a mark is of; of a country, of one kind all over, it is the accent."""
    return colour(TONES.get(of, "tone-1"))


def themed(svg: str, theme: Theme) -> str:
    """The drawing with its colours: as they are in a theme, or the page's with the light ones behind them."""
    for name, (light, dark) in COLOURS.items():
        plain = dark if theme is Theme.DARK else light
        svg = svg.replace(colour(name), f"var(--{name},{plain})" if theme is Theme.AUTO else plain)
    return svg
