"""Which network addresses are this machine's own: plaintext is allowed there and nowhere else."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Tell whether `host:port` is reachable from this machine only; a name other than localhost is not trusted."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
