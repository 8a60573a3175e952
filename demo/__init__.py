"""`make demo`: plays a partner against the running product and compares what happens with what should."""
