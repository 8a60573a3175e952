"""CSV that people open in a spreadsheet."""

from zipingest.phones import E164

# Without it Excel takes UTF-8 for the system's own character set.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralised(cell: str) -> str:
    """``cell`` so that no spreadsheet takes it for a formula; E.164 numbers stay as they are."""
    if cell.startswith(_FORMULA_STARTS) and not E164.fullmatch(cell):
        return f"'{cell}"
    return cell
