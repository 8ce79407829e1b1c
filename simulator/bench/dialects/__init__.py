"""The protocols that the load speaks, by name: one small module each."""

from collections.abc import Mapping
from typing import Final

from simulator.bench.dialects.dialect import Dialect
from simulator.bench.dialects.irc import Irc
from simulator.bench.dialects.mqtt import Mqtt
from simulator.bench.dialects.nats import Nats
from simulator.bench.dialects.ours import Ours
from simulator.bench.dialects.plain import Plain

OURS: Final = "trio_chat"
PLAIN: Final = "plain"
IRC: Final = "irc"
NATS: Final = "nats"
MQTT: Final = "mqtt"

DIALECTS: Final[Mapping[str, Dialect]] = {
    OURS: Ours(),
    PLAIN: Plain(),
    IRC: Irc(),
    NATS: Nats(),
    MQTT: Mqtt(),
}
