"""Which channel of a recording is whose: a rule of the account it comes to, not of the audio."""

from dataclasses import dataclass

from calls.models import Call, Direction, Network, Source


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """``two_required``: mono is refused. ``swapped``: the second channel is kept as the first."""

    two_required: bool = False
    swapped: bool = False


MONO_REFUSED = "the recording is mono; one with the two sides on two channels is needed"
AS_IT_COMES = ChannelRule()


def rule_for(call: Call) -> ChannelRule:
    """Of a network's call: two channels, the caller first. In outbound calls the agent came first."""
    network: Network | None = getattr(call.sub_tenant, "network", None)
    if call.source != Source.NETWORK or network is None:
        return AS_IT_COMES
    outbound = call.direction == Direction.OUTBOUND
    return ChannelRule(network.two_channels_required, swapped=outbound and network.swap_outbound)
