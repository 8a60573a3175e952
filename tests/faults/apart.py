"""A network of our own (Linux namespaces): every address there is ours, and every packet is heard.

`seen_apart(world)` runs a function there. All of IPv4 and IPv6 leads to loopback, so whatever the product
sends to 10.0.0.1 or 169.254.169.254 really leaves it and is heard; names are answered by a resolver of ours.
It needs root, or a kernel that gives user namespaces, and Debian's iproute2.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from tests.faults.check import Outcome
from tests.faults.stack import wait_until
from tests.support import services
from zipingest.supervisor import die_with_parent

PUBLIC = "93.184.215.14"
WEB_PORTS = (80, 443)
Answer = tuple[str, ...] | int | None
"""What a name leads to: addresses, a DNS error code (RFC 1035 §4.1.1), or None for silence."""
NO_SUCH_NAME, SERVER_FAILURE = 3, 2

_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_TCP, _UDP = 6, 17
_NETWORK = ("link set lo up", "route add local default dev lo", "-6 route add local ::/0 dev lo")


def seen_apart(function: Callable[[], Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """What `function`, by its name at module level, returns when it runs in a network of its own."""
    if shutil.which("ip") is None:
        raise RuntimeError("needs Debian's iproute2: apt-get install -y iproute2")
    apart = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        apart += ["--user", "--map-current-user", "--keep-caps"]
    parent = os.getpid()
    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.faults.apart", function.__module__, function.__name__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: die_with_parent(parent),
    )
    return {name: Outcome(**outcome) for name, outcome in json.loads(done.stdout).items()}


def main(module: str, name: str) -> None:
    for arguments in _NETWORK:
        subprocess.run(["ip", *arguments.split()], check=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _ask_our_resolver(Path(folder))
        with (
            services.postgresql(Path(folder)) as os.environ["DATABASE_URL"],
            services.redis(Path(folder)) as os.environ["REDIS_URL"],
        ):
            outcomes = getattr(import_module(module), name)()
    print(json.dumps({name: asdict(outcome) for name, outcome in outcomes.items()}))


def _ask_our_resolver(folder: Path) -> None:
    """For this mount namespace alone."""
    for name, content in (("resolv.conf", "nameserver 127.0.0.1\n"), ("nsswitch.conf", "hosts: files dns\n")):
        (folder / name).write_text(content)
        if Path("/etc", name).exists():
            subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)


class Canary:
    """Hears each packet of this network that nobody should have sent.

    That is TCP or UDP to any address but loopback and `PUBLIC`, and to a web port of loopback.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024 * 1024)
        self._socket.bind(("lo", _ETH_P_ALL))
        threading.Thread(target=self._listen, daemon=True).start()

    def taken(self) -> list[str]:
        """What was heard since this was last asked, and whether something may have been missed."""
        heard, self.heard = self.heard, []
        _, missed = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        return [*sorted(set(heard)), *([f"the canary missed {missed} packets"] if missed else [])]

    def _listen(self) -> None:
        while True:
            packet, (_, protocol, *_) = self._socket.recvfrom(256)
            if (target := _target(packet, protocol)) and not _is_allowed(*target):
                self.heard.append(f"{target[0]} port {target[1]}")


def _target(packet: bytes, protocol: int) -> tuple[IPv4Address | IPv6Address, int] | None:
    """Address and port a TCP or UDP packet is for, of any other None."""
    if protocol == _ETH_P_IP:
        kind, address, start = packet[9], packet[16:20], (packet[0] & 0xF) * 4
    elif protocol == _ETH_P_IPV6:
        kind, address, start = packet[6], packet[24:40], 40
    else:
        return None
    if kind not in (_TCP, _UDP):
        return None
    return ip_address(address), int.from_bytes(packet[start + 2 : start + 4], "big")


def _is_allowed(address: IPv4Address | IPv6Address, port: int) -> bool:
    return address == IPv4Address(PUBLIC) or (address.is_loopback and port not in WEB_PORTS)


class Resolver:
    """Answers on port 53 from `names`; of a list of answers each is given once, the last for ever."""

    def __init__(self, names: Mapping[str, Answer | list[Answer]]) -> None:
        self.asked: list[str] = []
        self._names = {
            name: answer if isinstance(answer, list) else [answer] for name, answer in names.items()
        }
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if (answer := self._answer(query)) is not None:
                self._socket.sendto(answer, client)

    def _answer(self, query: bytes) -> bytes | None:
        name, end = _question(query)
        kind = struct.unpack("!H", query[end : end + 2])[0]
        found = self._found(name, kind)
        if found is None:
            return None
        code, addresses = (found, ()) if isinstance(found, int) else (0, found)
        records = [ip_address(address).packed for address in addresses]
        # 1 and 28 are the types A and AAAA (RFC 3596); each answer points back to the question's name.
        wanted = [record for record in records if len(record) == {1: 4, 28: 16}.get(kind)]
        body = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(data)) + data for data in wanted)
        header = struct.pack("!2sHHHHH", query[:2], 0x8180 | code, 1, len(wanted), 0, 0)
        return header + query[12 : end + 4] + body

    def _found(self, name: str, kind: int) -> Answer:
        self.asked.append(name)
        answers = self._names.get(name, [NO_SUCH_NAME])
        # A name that changes its mind does so between lookups, each of which asks for A and AAAA.
        return answers.pop(0) if len(answers) > 1 and kind == 28 else answers[0]


def _question(query: bytes) -> tuple[str, int]:
    """The name asked for (RFC 1035 §4.1.2), and where its type begins."""
    labels, position = [], 12
    while length := query[position]:
        labels.append(query[position + 1 : position + 1 + length].decode("latin-1").lower())
        position += 1 + length
    return ".".join(labels), position + 1


@contextmanager
def own_wire(names: Mapping[str, Answer | list[Answer]]) -> Iterator[tuple[Canary, Resolver]]:
    """The canary and the resolver; the canary has proved that it hears."""
    canary = Canary()
    with socket.socket() as probe:
        probe.settimeout(1)
        probe.connect_ex(("10.0.0.1", 80))
    wait_until(lambda: "10.0.0.1 port 80" in canary.heard, seconds=10, what="the canary hears")
    canary.taken()
    yield canary, Resolver(names)


if __name__ == "__main__":
    main(*sys.argv[1:])
