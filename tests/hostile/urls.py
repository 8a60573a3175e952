"""URLs that must never be opened, each for a stated reason.

`AUTHORITIES` are what stands between `//` and the path, without a port; `ODD_URLS` are hostile as a whole.
`hostile_urls` makes URLs of both, for a scheme and a port.
"""

AUTHORITIES: dict[str, tuple[str, ...]] = {
    "loopback": ("127.0.0.1", "127.255.255.254", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]"),
    "this network, on Linux loopback": ("0.0.0.0", "0.1.2.3", "[::]"),
    "decimal": ("0", "2130706433", "167772161", "2852039166", "2822734096"),
    "octal": ("0177.0.0.1", "017700000001", "012.0.0.1", "0251.0376.0251.0376"),
    "hexadecimal": ("0x7f000001", "0x7f.0.0.1", "0x0a000001", "0xa9fea9fe", "0xa83f8110"),
    "shortened": ("127.1", "127.0.1", "10.1", "169.254.43518"),
    "disguised": ("127.0.0.1.", "%31%32%37.0.0.1", "127.0.0.1%2e"),
    "private": ("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1"),
    "private IPv6": ("[fc00::1]", "[fd00::2]", "[fdff:ffff::1]"),
    "CGNAT": ("100.64.0.1", "100.127.255.254"),
    "link-local": ("169.254.0.1", "169.254.255.254", "[fe80::1]", "[febf::1]"),
    "AWS metadata": ("169.254.169.254", "169.254.170.2", "[fd00:ec2::254]"),
    "other clouds' metadata": ("100.100.100.200", "192.0.0.192", "168.63.129.16", "[fd20:ce::254]"),
    "mapped IPv6": (
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]",
        "[::ffff:a83f:8110]", "[0:0:0:0:0:ffff:c0a8:1]",
    ),
    "translated IPv6": (
        "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]",
    ),
    "compatible IPv6, ::/96": ("[::127.0.0.1]", "[::a9fe:a9fe]", "[::8.8.8.8]"),
    "6to4 and Teredo": ("[2002:7f00:1::]", "[2002:a00:1::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]"),
    "site-local": ("[fec0::1]", "[feff::1]"),
    "multicast and broadcast": ("224.0.0.1", "239.255.255.250", "255.255.255.255", "[ff02::1]"),
    "reserved": ("240.0.0.1", "192.0.0.1", "192.88.99.1", "198.18.0.1", "[100::1]", "[5f00::1]"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]", "[3fff::1]"),
    "zone ids": ("[::1%25lo]", "[fe80::1%25eth0]"),
    "user information": (
        "user:secret@127.0.0.1", "recordings.example@127.0.0.1", "recordings.example:80@10.0.0.1",
        "@127.0.0.1",
    ),
    "IDN": (
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "①②⑦.⓪.⓪.①", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "0\uff587f.1",
    ),
    "parsers disagree": ("recordings.example\\@127.0.0.1", "127.0.0.1\\.recordings.example", "[::1"),
}  # fmt: skip # a table: its rows stay on a line each

ODD_URLS: dict[str, tuple[str, ...]] = {
    "other schemes": (
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.wav",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "dict://127.0.0.1/",
        "unix:///run/docker.sock",
        "data:audio/wav;base64,UklGRg==",
        "jar:http://127.0.0.1!/a.wav",
    ),
    "other ports": ("{scheme}://1.1.1.1:22/", "{scheme}://1.1.1.1:6379/", "{scheme}://1.1.1.1:25/a.wav"),
    "not a URL": ("{scheme}:127.0.0.1/a.wav", "{scheme}:///127.0.0.1/a.wav", "\\\\127.0.0.1\\share\\a.wav"),
}

# What only a redirect may say: relative to the URL before it.
LOCATIONS = ("//10.0.0.1/a.wav", "//[::1]/a.wav", "///127.0.0.1/a.wav", "\\\\127.0.0.1/a.wav")

# What a resolver may answer: one address that must not be reached is enough, wherever it stands.
ANSWERS: dict[str, tuple[str, ...]] = {
    "private": ("10.0.0.1",),
    "loopback": ("127.0.0.1",),
    "loopback-6": ("::1",),
    "metadata": ("169.254.169.254",),
    "azure": ("168.63.129.16",),
    "mapped": ("::ffff:10.0.0.1",),
    "unique-local": ("fd00:ec2::254",),
    "bad-last": ("1.1.1.1", "10.0.0.1"),
    "bad-first": ("10.0.0.1", "1.1.1.1"),
    "bad-in-the-middle": ("1.1.1.1", "192.168.0.1", "8.8.8.8"),
    "bad-6-beside-good-4": ("1.1.1.1", "::1"),
    "bad-4-beside-good-6": ("2606:4700::1111", "127.0.0.1"),
}


def hostile_urls(scheme: str, port: int | None = None) -> list[str]:
    """Every target as a URL; without `port` the scheme's own is meant."""
    suffix = "" if port is None else f":{port}"
    plain = [f"{scheme}://{host}{suffix}/a.wav" for hosts in AUTHORITIES.values() for host in hosts]
    return plain + [url.format(scheme=scheme) for urls in ODD_URLS.values() for url in urls]
