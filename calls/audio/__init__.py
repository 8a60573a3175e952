"""Audio: recognised by its bytes, decoded in a fenced process, kept as one normalised WAV.

Knows nothing of calls, requests or settings: what it needs comes in as `AudioLimits` and `AudioOptions`.
"""
