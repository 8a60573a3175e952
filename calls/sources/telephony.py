"""The provider that carried the call; ``<its name>:<its id of the call>``."""

from typing import BinaryIO

from calls import telephony
from calls.models import Recording
from calls.sources.base import Received
from calls.telephony.port import TelephonyError
from partners.outbound import Download, OutboundError


class ProviderFailed(OutboundError):
    """The telephony provider did not hand the recording out."""

    def __init__(self, error: TelephonyError) -> None:
        super().__init__(error.reason)
        self.permanent = error.permanent


class Telephony:
    def fetch(self, recording: Recording, to: BinaryIO) -> Download:
        name, _, call_id = recording.source_url.partition(":")
        received = Received(to)
        try:
            for piece in telephony.provider(name).recording(call_id):
                received.write(piece)
        except TelephonyError as error:
            raise ProviderFailed(error) from error
        return received.download(recording.source_url, content_type="audio/wav")
