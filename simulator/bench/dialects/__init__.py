"""The protocols that the load speaks, by name: one small module each."""

from collections.abc import Mapping
from typing import Final

from simulator.bench.dialects.dialect import Dialect
from simulator.bench.dialects.ours import Ours

OURS: Final = "trio_chat"

DIALECTS: Final[Mapping[str, Dialect]] = {
    OURS: Ours(),
}
