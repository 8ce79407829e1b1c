"""The servers that people would pick instead: what they are told, so that nothing but their
speed is measured. Flood limits and limits of what may wait for a reader are lifted; nobody
is looked up anywhere.
"""

import os
import re
import shutil
from typing import Final, NamedTuple

from simulator.bench import dialects

_BEYOND_PATH: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Servers are where only administrators look."""


class Peer(NamedTuple):
    """One of them.

    Shape:  in `arguments` and `config`, {port} is the one to listen on, {config} the file
            with the config, {directory} one of its own. It stays in the foreground.
    """

    name: str
    binary: str
    package: str
    """Debian's."""
    dialect: str
    arguments: tuple[str, ...]
    config: str
    ask_version: tuple[str, ...] = ("--version",)

    @property
    def path(self) -> str | None:
        """Where it is; None: it is not installed."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_BEYOND_PATH))
        return shutil.which(self.binary, path=path)


def version_in(words: str) -> str:
    """The version that a server says it is; empty: it does not say."""
    found = re.search(r"\d+(?:\.\d+)+", words)
    return found[0] if found else ""


_NGIRCD: Final = """\
[Global]
    Name = bench.invalid
    Info = bench
    Listen = 127.0.0.1
    Ports = {port}
    MotdPhrase = hello
[Limits]
    ConnectRetry = 3600
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxPenaltyTime = 0
    PingTimeout = 3600
    PongTimeout = 3600
[Options]
    DNS = no
    Ident = no
    PAM = no
    SyslogFacility = local1
"""

_INSPIRCD: Final = """\
<server name="bench.invalid" description="bench" network="bench">
<admin name="bench" nick="bench" email="bench@bench.invalid">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="all" allow="*" timeout="600" pingfreq="3600" limit="100000"
    localmax="100000" globalmax="100000" maxconnwarn="no" useident="no"
    resolvehostnames="no" fakelag="no" threshold="1000000" commandrate="1000000000"
    recvq="1G" softsendq="1G" hardsendq="1G">
<class name="none">
<options nouserdns="yes" splitwhois="no">
<performance nouserdns="yes" softlimit="100000" somaxconn="1024" netbuffersize="65534">
<pid file="{directory}/inspircd.pid">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="sparse"
    target="{directory}/inspircd.log">
<path datadir="{directory}" logdir="{directory}" runtimedir="{directory}">
"""

_MOSQUITTO: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_connections -1
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes 0
log_dest stderr
log_type error
connection_messages false
"""

_NATS: Final = """\
host: 127.0.0.1
port: {port}
max_connections: 100000
max_pending: 4294967296
write_deadline: "600s"
ping_interval: "1h"
"""

PEERS: Final = {
    each.name: each
    for each in (
        Peer(
            "ngircd",
            "ngircd",
            "ngircd",
            dialects.IRC,
            ("--nodaemon", "--config", "{config}"),
            _NGIRCD,
        ),
        Peer(
            "inspircd",
            "inspircd",
            "inspircd",
            dialects.IRC,
            ("--nofork", "--nopid", "--runasroot", "--config", "{config}"),
            _INSPIRCD,
        ),
        Peer(
            "mosquitto",
            "mosquitto",
            "mosquitto",
            dialects.MQTT,
            ("-c", "{config}"),
            _MOSQUITTO,
            ask_version=("-h",),
        ),
        Peer(
            "nats",
            "nats-server",
            "nats-server",
            dialects.NATS,
            ("-c", "{config}"),
            _NATS,
        ),
    )
}
