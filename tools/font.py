"""Cut the mathematics font of HTML pages down to the signs that derivations print.

``python tools/font.py latinmodern-math.otf`` writes ``derivation/pages/fonts/``; needs fontTools
and brotli. The signs: letters and digits, Greek, the mathematical italics that a browser takes for
a single letter, operators, and every taller form of brackets, bars, sums and roots.
"""

from __future__ import annotations

import sys
from pathlib import Path

FONTS = Path(__file__).parents[1] / "src" / "clearprop" / "derivation" / "pages" / "fonts"
NAME = "clearprop-math.woff2"
FAMILY = "ClearProp Math"
GREEK = "αβγδεζηθικλμνξοπρςστυφχψωΓΔΘΛΞΠΣΦΨΩ"
SIGNS = " ()[]{}|+-=<>,.:;/!·×′‖…∂∇∑−√∞≤≥⊕⊙⊘⋅⋮⋯⋱←→¯½_"


def signs() -> set[int]:
    """Return the code points kept."""
    letters = [chr(c) for c in (*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1))]
    italic = {*range(0x1D434, 0x1D468), 0x210E}  # A to z, and h, which stands apart
    greek = {*range(0x1D6E2, 0x1D71C)}
    return {ord(c) for c in (*letters, *"0123456789", *GREEK, *SIGNS)} | italic | greek


def main(source: str) -> None:
    """Write the subset of a font, under another name as its licence asks."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = TTFont(source)
    prime = font.getBestCmap()[ord("′")]
    script = next(  # browsers set it in scripts alone, and do not ask the font for its script form
        table.alternates[prime][0]
        for lookup in font["GSUB"].table.LookupList.Lookup
        for table in lookup.SubTable
        if prime in getattr(table, "alternates", ())
    )
    for table in font["cmap"].tables:
        if ord("′") in table.cmap:
            table.cmap[ord("′")] = script
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    options.drop_tables += ["GPOS", "GDEF"]
    options.desubroutinize = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=signs())
    cutter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 16):
            record.string = FAMILY
        elif record.nameID == 6:
            record.string = FAMILY.replace(" ", "")
    font.flavor = "woff2"
    font["head"].modified = font["head"].created  # the same bytes on every day
    font.recalcTimestamp = False
    font.save(FONTS / NAME)


if __name__ == "__main__":
    main(sys.argv[1])
