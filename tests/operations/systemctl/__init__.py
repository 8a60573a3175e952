"""systemctl where systemd is not process 1, as in a chroot: for Debian's own services their init scripts, for
ours the unit files, read and done: command, account, folder, environment, sockets, signals, restarts, and
what is enabled for a target.

What a unit says beyond that (the sandbox above all) is not done; the first start says so. Only the standard
library is needed: it runs by the Python of the machine that it is copied to.
"""
