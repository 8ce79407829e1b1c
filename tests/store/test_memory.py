"""The reference store keeps the contract."""

import pytest

from tests.store.contract import StoreContract
from trio_chat.store import MemoryStore, Store


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore("an epoch")


def test_the_epoch_is_the_one_given() -> None:
    assert MemoryStore("this one").epoch == "this one"
