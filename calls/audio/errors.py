"""What can go wrong with a recording, told apart by whose fault it is."""


class AudioError(Exception):
    """The file's fault, and permanent: trying again gives the same. `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotAudio(AudioError):
    """The file is something else than audio in a supported container; `reason` names what it is."""


class HelperCrashed(Exception):
    """The helper died over this file, or ran out of memory, CPU or wall time: the file may be poison."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HelperUnavailable(Exception):
    """No helper could be started: this machine's fault, not the file's; worth trying again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
