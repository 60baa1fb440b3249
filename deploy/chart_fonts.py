"""Makes the fonts that charts are measured with, and their PNG are written in: `work/drawing/fonts/*.otf`.

Usage: `python deploy/chart_fonts.py FOLDER`, where FOLDER has NotoSansCJK-Regular.ttc and NotoSansCJK-Bold.ttc (SIL
Open Font License 1.1), as Debian's fonts-noto-cjk 1:20220127 has them; their SHA-256 are looked at. Needs `fonttools`,
which nothing else here does. Of 65,000 characters those stay that charts write; a test says when one is missing. What
is changed has a name of its own.
"""

from __future__ import annotations

import json
import re
import sys
from hashlib import sha256
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[1] / "services/reporting"
TARGET = ROOT / "work/drawing/fonts"
TEXTS = ROOT / "templates/texts.json"
FAMILY = "Panda Charts"
SIMPLIFIED = 2
"""Of the fonts in a file the one for Simplified Chinese."""
SHA256 = {
    "Regular": "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a",
    "Bold": "faa5f3656a78b2e2d450d27fe8382c778bc2b6bb5ea29c986664a6a435056ceb",
}
LATIN = "".join(map(chr, range(0x20, 0x7F))) + "¥·–—‘’“”…×÷≤≥，。、；：！？（）「」《》％年月日元分笔个万亿种国"


def main() -> None:
    """Writes both weights."""
    TARGET.mkdir(exist_ok=True)
    (TARGET / "characters.txt").write_text(characters() + "\n")
    for style, digest in SHA256.items():
        source = Path(sys.argv[1]) / f"NotoSansCJK-{style}.ttc"
        if sha256(source.read_bytes()).hexdigest() != digest:
            sys.exit(f"{source} is another file than the one that the fonts were made of")
        font = TTFont(source, fontNumber=SIMPLIFIED)
        options = subset.Options(layout_features=["kern"], name_IDs=["*"], notdef_outline=True, hinting=False)
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=characters())
        subsetter.subset(font)
        rename(font, style)
        font.save(TARGET / f"panda-charts-{style.lower()}.otf")
        print(style, (TARGET / f"panda-charts-{style.lower()}.otf").stat().st_size)


def characters() -> str:
    """All that a chart may write: its texts, and the names of countries, places and parts."""
    texts = json.loads(TEXTS.read_text())
    written = [text for key, text in texts["texts"].items() if re.match("chart_|unknown", key)]
    written += [*texts["countries"].values(), *texts["places"].values()]
    return "".join(sorted({*LATIN, *(one for text in written for wording in text.values() for one in wording)}))


def rename(font: TTFont, style: str) -> None:
    """Family and full name; the licence and whose the design is stay as they are."""
    names = {1: FAMILY, 2: style, 4: f"{FAMILY} {style}", 6: f"PandaCharts-{style}", 16: FAMILY, 17: style}
    for record in list(font["name"].names):
        if record.nameID in names or record.nameID not in (0, 7, 13, 14):
            font["name"].names.remove(record)
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    if "CFF " in font:
        top = font["CFF "].cff
        top.fontNames = [f"PandaCharts-{style}"]
        top[0].FamilyName, top[0].FullName = FAMILY, f"{FAMILY} {style}"


if __name__ == "__main__":
    main()
