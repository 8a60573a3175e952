"""XML of files that anybody may have made: parsed as it is read, with nothing kept and everything limited."""

from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from calls.dialer.sheets.reading import UnreadableFile

Attributes = dict[str, str]

_PIECE = 64 * 1024
# Names and open elements are what the parser itself remembers, a token is what it must hold whole.
_MOST_NAMES = 10_000
_MOST_DEPTH = 64
_LONGEST_TOKEN = 4 * 1024 * 1024


def parsed(
    part: IO[bytes],
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] = lambda _: None,
    text: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Parse ``part`` piece by piece, and yield after each; elements come by their names without prefix.

    Raises UnreadableFile for what is no XML, or declares a document type: so there are no entities.
    """
    names: dict[str, str] = {}
    depth = 0

    def started(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise UnreadableFile("it is nested too deep")
        start(local(name), attributes)

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(local(name))

    parser = expat.ParserCreate(intern=names)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler, parser.EndElementHandler = started, ended
    parser.CharacterDataHandler = text
    fed = 0
    try:
        while piece := part.read(_PIECE):
            parser.Parse(piece)
            fed += len(piece)
            if len(names) > _MOST_NAMES or fed - max(parser.CurrentByteIndex, 0) > _LONGEST_TOKEN:
                raise UnreadableFile("it is no readable XLSX file")
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableFile("it is no readable XLSX file") from error
    yield


def local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_doctype(*_: object) -> None:
    raise UnreadableFile("it declares a document type")
