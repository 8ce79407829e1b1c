"""What refers to an entry: replies, edits, reactions; every store has the same rules."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.contract import NOW_S, draft, seqs, whole
from trio_chat.store import (
    Appended,
    Astray,
    Conflict,
    Draft,
    Keep,
    Late,
    MemoryStore,
    Missing,
    NotOwn,
    Outcome,
    Store,
    Trimmed,
    open_sqlite_store,
)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore("an epoch")
        return
    async with open_sqlite_store(tmp_path / "chat.db") as opened:
        yield opened


def edit(n: int, ref: int, **more: Any) -> Draft:
    return draft(n, "better", kind="edit", ref=ref, **more)


async def append(store: Store, *drafts: Draft) -> list[Outcome]:
    return await store.append(drafts, NOW_S)


# --- in one log ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text", "me", "react", "unreact"])
async def test_anybody_may_say_something_about_an_entry(store: Store, kind: str) -> None:
    about = draft(1, "x", device="e", kind=kind, ref=1)
    await append(store, draft(1), about)
    assert [(e.seq, e.kind, e.ref) for e in await whole(store)] == [
        (1, "text", None),
        (2, kind, 1),
    ]


@pytest.mark.parametrize("kind", ["edit", "delete"])
async def test_only_its_own_device_may_change_an_entry(store: Store, kind: str) -> None:
    await append(store, draft(1), draft(1, "mine", device="e"))
    assert await append(store, draft(2, "", kind=kind, ref=2)) == [NotOwn(2)]
    assert seqs(await append(store, draft(2, "", kind=kind, ref=1))) == [3]
    assert [(e.kind, e.ref) for e in (await whole(store))[2:]] == [(kind, 1)]


@pytest.mark.parametrize("kind", ["text", "react", "edit", "delete"])
@pytest.mark.parametrize("ref", [2, 3, 2**53 - 1])
async def test_an_entry_that_was_never_given_is_not_there(
    store: Store, kind: str, ref: int
) -> None:
    """Nor is what this draft itself would become."""
    await append(store, draft(1))
    assert await append(store, draft(2, kind=kind, ref=ref)) == [Astray(ref)]
    assert await store.heads() == {"lobby": 1}


async def test_what_is_refused_makes_no_log(store: Store) -> None:
    assert await append(store, draft(1, ref=1)) == [Astray(1)]
    assert await store.heads() == {}
    assert await append(store, draft(1, log="@a", ref=1, copies=("@b",))) == [Astray(1)]
    assert await store.heads() == {}


async def test_the_number_of_what_is_refused_is_not_taken(store: Store) -> None:
    await append(store, draft(1), draft(1, device="e"))
    refused, then = await append(store, edit(2, 2), draft(3, "then"))
    assert (refused, seqs([then])) == (NotOwn(2), [3])
    assert await append(store, edit(2, 2)) == [Late(3)]


@pytest.mark.parametrize("kind", ["edit", "delete", "react", "unreact"])
async def test_only_what_stands_for_itself_can_be_changed(store: Store, kind: str) -> None:
    await append(store, draft(1), draft(2, "x", kind=kind, ref=1))
    assert await append(store, edit(3, 2)) == [Astray(2)]


async def test_a_reply_can_be_changed(store: Store) -> None:
    await append(store, draft(1, device="e"), draft(1, "yes", ref=1))
    assert seqs(await append(store, edit(2, 2))) == [3]


async def test_what_it_is_about_may_be_in_the_same_transaction(store: Store) -> None:
    outcomes = await append(store, draft(1), edit(2, 1), draft(3, "x", kind="react", ref=2))
    assert seqs(outcomes) == [1, 2, 3]


async def test_what_is_gone_can_be_replied_to_but_not_changed(store: Store) -> None:
    await append(store, draft(1), draft(2), draft(3))
    await store.trim("lobby", Keep(entries=1), limit=9)
    assert await append(store, edit(4, 1)) == [Astray(1)]
    assert seqs(await append(store, draft(4, "yes", ref=1), edit(5, 3))) == [4, 5]


# --- identity ------------------------------------------------------------------------


@pytest.mark.parametrize("trimmed", [False, True])
async def test_a_resend_about_an_entry_is_known_with_the_same_one(
    store: Store, trimmed: bool
) -> None:
    said = [draft(1), draft(2), draft(3, "yes", ref=1)]
    first = await append(store, *said)
    if trimmed:
        await store.trim("lobby", Keep(entries=0), limit=9)
    (again,) = await append(store, said[2])
    if trimmed:
        assert again == Trimmed(3)
    else:
        assert isinstance(first[2], Appended)
        assert again == Appended(first[2].entries, duplicate=True)
    for ref in (2, None):
        assert await append(store, draft(3, "yes", ref=ref)) == [Conflict(3)]


async def test_a_resend_is_known_although_what_it_is_about_is_gone(store: Store) -> None:
    await append(store, draft(1), edit(2, 1))
    await store.trim("lobby", Keep(entries=1), limit=9)
    (again,) = await append(store, edit(2, 1))
    assert isinstance(again, Appended)
    assert again.duplicate


async def test_who_may_not_say_it_now_is_not_told_of_what_it_is_about(
    store: Store,
) -> None:
    assert await append(store, draft(2, ref=9, known_only=True)) == [Missing()]


# --- with copies ---------------------------------------------------------------------


async def test_a_copy_refers_to_the_copy(store: Store) -> None:
    """Each log has its own numbers: ada's 1 is bob's 3."""
    await append(store, *(draft(n, log="@bob", device="b") for n in (1, 2)))
    to_bob: dict[str, Any] = {"log": "@ada", "to": "bob", "copies": ("@bob",)}
    outcomes = await append(store, draft(1, **to_bob), edit(2, 1, **to_bob))
    outcomes += await append(store, draft(3, "x", kind="react", ref=1, **to_bob))
    assert seqs(outcomes) == [1, 2, 3]
    assert [(e.seq, e.ref) for e in await whole(store, "@ada")] == [
        (1, None),
        (2, 1),
        (3, 1),
    ]
    assert [(e.seq, e.ref) for e in await whole(store, "@bob")][2:] == [
        (3, None),
        (4, 3),
        (5, 3),
    ]


async def test_a_reader_answers_to_the_entry_itself(store: Store) -> None:
    await append(store, draft(1, log="@ada", device="a"))
    await append(store, draft(2, log="@ada", device="a", copies=("@bob",)))
    answer = draft(7, "yes", log="@bob", device="b", ref=1, copies=("@ada",))
    assert seqs(await append(store, answer)) == [2]
    assert (await whole(store, "@ada"))[-1].ref == 2
    assert (await whole(store, "@bob"))[-1].ref == 1


async def test_nobody_changes_what_came_from_somebody_else(store: Store) -> None:
    """Although the copy stands in one's own log, and also under the same device's name."""
    await append(store, draft(1, log="@ada", copies=("@bob",)))
    for device in ("d", "b"):
        changed = edit(1, 1, log="@bob", device=device, copies=("@ada",))
        assert await append(store, changed) == [NotOwn(1)]


async def test_nothing_is_said_about_an_entry_to_whom_does_not_have_it(
    store: Store,
) -> None:
    await append(store, draft(1, log="@ada", copies=("@bob",)), draft(1, log="@cyd"))
    for kind in ("text", "react", "edit"):
        elsewhere = draft(2, kind=kind, log="@ada", ref=1, copies=("@cyd",))
        assert await append(store, elsewhere) == [Astray(1)]
    assert await store.heads() == {"@ada": 1, "@bob": 1, "@cyd": 1}


@pytest.mark.parametrize("kind", ["text", "react", "edit", "delete"])
async def test_nothing_is_said_to_oneself_about_what_somebody_else_has_too(
    store: Store, kind: str
) -> None:
    """An author would see it otherwise than the reader does."""
    await append(store, draft(1, log="@ada", to="bob", copies=("@bob",)))
    await append(store, draft(1, log="@bob", to="ada", copies=("@ada",)))
    note = draft(2, log="@ada", to="ada")
    await append(store, note)
    for ref in (1, 2):
        alone = draft(3, kind=kind, log="@ada", to="ada", ref=ref)
        (outcome,) = await append(store, alone)
        assert isinstance(outcome, Astray | NotOwn)
    (outcome,) = await append(store, draft(3, kind=kind, log="@ada", to="ada", ref=3))
    assert isinstance(outcome, Appended)


@pytest.mark.parametrize("gone", ["@ada", "@bob"])
async def test_what_one_of_the_two_does_not_keep_can_not_be_meant(
    store: Store, gone: str
) -> None:
    to_bob: dict[str, Any] = {"log": "@ada", "copies": ("@bob",)}
    await append(store, draft(1, **to_bob), draft(2, **to_bob))
    await store.trim(gone, Keep(entries=1), limit=9)
    assert await append(store, draft(3, ref=1, **to_bob)) == [Astray(1)]
    assert seqs(await append(store, draft(3, ref=2, **to_bob))) == [3]
