"""The reference store keeps the contract."""

import pytest

from tests.store.contract import StoreContract
from trio_chat.protocol import names
from trio_chat.store import MemoryStore, Store
from trio_chat.store.interface import reader_of


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore("an epoch")


@pytest.mark.parametrize(
    "nick",
    [
        *(
            "ada",
            "ADA",
            "Stra\u00dfe",
            "\uff22\uff4f\uff42",
            "\u0130",
            "\u03b1\u0345",
            "\u2126",
        ),
        *("\ufb01", "e\u0301", "\u1e9e" * 32, "A" * 33, "\ufdfa" * 5_000, ""),
    ],
)
def test_a_reader_is_the_same_where_a_name_is(nick: str) -> None:
    """The store does not know the names of the protocol, and compares as they do."""
    assert reader_of(nick) == names.same(nick)


def test_the_epoch_is_the_one_given() -> None:
    assert MemoryStore("this one").epoch == "this one"
