# The number of a row, from 1, and the texts of its cells.
Row = tuple[int, list[str]]

MOST_COLUMNS = 200
# As many as a sheet of Excel has, be they empty.
MOST_ROWS = 1_048_576
# As much as a cell of Excel holds.
MOST_CHARACTERS = 32_767


class UnreadableFile(Exception):
    """The file cannot be read as a table; ``reason`` says why, to the one who sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyColumns(UnreadableFile):
    def __init__(self) -> None:
        super().__init__(f"it has more than {MOST_COLUMNS} columns")


class TooLongCell(UnreadableFile):
    def __init__(self) -> None:
        super().__init__(f"a cell holds more than {MOST_CHARACTERS} characters")


class TooManyRows(UnreadableFile):
    def __init__(self) -> None:
        super().__init__(f"it has more than {MOST_ROWS} rows")
