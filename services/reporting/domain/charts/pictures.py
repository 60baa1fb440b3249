"""A drawn plot made fit for a page, or to stand alone: no style and no script, texts as texts, colours of a theme."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from services.reporting.domain.charts.colours import FONT, FONT_SIZE, WIDTH, colour, themed
from services.reporting.domain.charts.sheets import Sheet, Theme

SVG = "http://www.w3.org/2000/svg"
FONTS = f"'{FONT}', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', system-ui, sans-serif"
KEPT = frozenset(
    {
        *("transform", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height", "fill", "stroke"),
        *("stroke-width", "stroke-linejoin", "stroke-linecap", "stroke-opacity", "fill-opacity", "opacity"),
        *("text-anchor", "font-size", "font-weight"),
    }
)
"""Attributes of a drawing that say what it looks like; all others are the drawing library's own."""
DEFAULTS = {
    "opacity": "1",
    "font-weight": "400",
    "stroke-width": "0",
    "font-size": f"{FONT_SIZE}px",
    "text-anchor": "start",
}
MARGIN = 28
TITLE_SIZE = 19
LINE = 1.4
SOURCE_SIZE = 12
CARD_WIDTH, CARD_HEIGHT = 1_200, 630
"""What is shown where a link is shared, in pixels."""
_NUMBER = re.compile(r"-?\d+\.\d+")


def plain(drawn: str) -> str:
    """The inner elements of what Vega drew, without all that says nothing; numbers to a tenth of a pixel."""
    root = ET.fromstring(drawn)  # noqa: S314 - our own process drew it
    return "".join(filter(None, (_plain(child) for child in root)))


def _plain(element: ET.Element) -> str:
    tag = element.tag.removeprefix(f"{{{SVG}}}")
    if tag == "rect" or (tag == "path" and element.get("class") in ("background", "foreground")):
        return ""
    kept = {
        name: _NUMBER.sub(_rounded, value)
        for name, value in element.attrib.items()
        if name in KEPT and value not in ("", "transparent") and DEFAULTS.get(name) != value
    }
    if kept.get("transform") == "translate(0,0)":
        del kept["transform"]
    if tag in ("path", "line") and "fill" not in kept and "stroke" in kept:
        kept["fill"] = "none"
    inner = "".join(_plain(child) for child in element)
    text = escape(element.text or "")
    if (told := element.get("aria-label")) is not None and tag != "g":
        inner = f"<title>{escape(told)}</title>{inner}"  # a browser shows it to whoever points at the mark
    if tag == "g" and not inner:
        return ""
    if tag == "g" and not kept.keys() - {"fill"}:  # all that is drawn says its own fill
        return inner
    attributes = "".join(f' {name}="{escape(value, {chr(34): "&quot;"})}"' for name, value in kept.items())
    return f"<{tag}{attributes}>{text}{inner}</{tag}>" if text or inner else f"<{tag}{attributes}/>"


def _rounded(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 1):g}"


def inline(sheet: Sheet, plot: str, height: float) -> str:
    """Within a page: its letters and colours are the page's, and HTML knows an svg without its namespace's name."""
    return (
        f'<svg role="img" aria-labelledby="chart-{sheet.name}-t chart-{sheet.name}-d" '
        f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}">'
        f'<title id="chart-{sheet.name}-t">{escape(sheet.title)}</title>'
        f'<desc id="chart-{sheet.name}-d">{escape(sheet.description)}</desc>'
        f"{themed(plot, Theme.AUTO)}</svg>"
    )


def alone(sheet: Sheet, plot: str, height: float, theme: Theme) -> str:
    """By itself: with its title above it, its source beneath it, and paper behind it."""
    title = lines(sheet.title, TITLE_SIZE, WIDTH)
    source = lines(sheet.source, SOURCE_SIZE, WIDTH)
    top = MARGIN + len(title) * TITLE_SIZE * LINE + 16
    whole = top + height + 18 + len(source) * SOURCE_SIZE * LINE + MARGIN
    body = (
        _texts(title, MARGIN, MARGIN, TITLE_SIZE, "ink", weight=600)
        + f'<g transform="translate({MARGIN},{top:g})">{plot}</g>'
        + _texts(source, MARGIN, top + height + 18, SOURCE_SIZE, "quiet")
    )
    return _whole(sheet, body, WIDTH + 2 * MARGIN, whole, theme)


def card(sheet: Sheet, plot: str, height: float, theme: Theme) -> str:
    """For where a link is shared: the sentence large, the picture under it, as wide as a card is."""
    margin, size = 56, 38
    title = lines(sheet.title, size, CARD_WIDTH - 2 * margin)[:3]
    top = margin + len(title) * size * 1.3 + 20
    room = CARD_HEIGHT - top - 64
    scale = min((CARD_WIDTH - 2 * margin) / WIDTH, room / max(height, 1.0))
    left = (CARD_WIDTH - WIDTH * scale) / 2 if sheet.marks else margin
    source = lines(sheet.source, 17, CARD_WIDTH - 2 * margin)[:1]
    body = (
        _texts(title, margin, margin, size, "ink", weight=600, line=1.3)
        + f'<g transform="translate({left:g},{top:g}) scale({scale:.4g})">{plot}</g>'
        + _texts(source, margin, CARD_HEIGHT - 48, 17, "quiet")
    )
    return _whole(sheet, body, CARD_WIDTH, CARD_HEIGHT, theme)


def _whole(sheet: Sheet, body: str, width: float, height: float, theme: Theme) -> str:
    drawn = (
        f'<svg xmlns="{SVG}" role="img" lang="{sheet.language}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="{FONTS}" font-size="{FONT_SIZE}px">'
        f"<title>{escape(sheet.title)}</title><desc>{escape(sheet.description)}</desc>"
        f'<rect width="{width:g}" height="{height:g}" fill="{colour("paper")}"/>{body}</svg>'
    )
    return themed(drawn, theme)


def _texts(
    texts: Iterable[str],
    x: float,
    y: float,
    size: float,
    tint: str,
    *,
    weight: int = 400,
    line: float = LINE,
) -> str:
    """Lines of text, the first of which begins at the top `y`."""
    written = f'fill="{colour(tint)}" font-size="{size}px" font-weight="{weight}"'
    return "".join(
        f'<text x="{x:g}" y="{y + size * (0.85 + at * line):g}" {written}>{escape(text)}</text>'
        for at, text in enumerate(texts)
    )


def lines(text: str, size: float, width: float) -> list[str]:
    """The text in lines that are no longer than `width`: broken at spaces, and between Chinese characters."""
    found, line = list[str](), ""
    for word in re.findall(r"[\u2e80-\uffef][，。；：、！？）」”]*|[^\s\u2e80-\uffef]+\s*|\s+", text):
        if line and text_width(line + word.rstrip(), size) > width:
            found.append(line.rstrip())
            line = ""
        line += word
    return [*found, line.rstrip()] if line.strip() else found


def text_width(text: str, size: float) -> float:
    """About as wide as it is: a Chinese character is a square, a Latin one rather more than half of that."""
    return sum(size if character >= "\u2e80" else size * 0.56 for character in text)
