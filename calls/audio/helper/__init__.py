"""The fenced process that decodes: a program of its own, which `process.py` starts with PyAV and numpy.

`conversation.py` is where it begins, `fence.py` what holds it. Of ours it imports nothing but
itself, so all imports between its modules are relative.
"""
