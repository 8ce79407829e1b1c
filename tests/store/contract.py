"""What every store has to do: one suite, run against each of them."""

from typing import Any

import pytest

from trio_chat.store import (
    Appended,
    Astray,
    Conflict,
    Draft,
    Entry,
    Keep,
    Late,
    Missing,
    NotOwn,
    Outcome,
    Store,
    Trimmed,
)

NOW_S = 1_700_000_000.125
AWKWARD_TEXTS = [
    "é 漢 😀 \u202e \u2028",
    "two\nlines\r\n",
    "a NUL \0 within",
    "\0",
    'it\'s "quoted"; DROP TABLE entry; --',
    "x" * 16_384,
]


def draft(n: int = 1, text: str = "hello", log: str = "lobby", **more: Any) -> Draft:
    return Draft(**{"log": log, "device": "d", "n": n, "nick": "ada", "text": text, **more})


def seqs(outcomes: list[Outcome]) -> list[int]:
    nowhere = Astray | Late | Missing | NotOwn
    return [outcome.seq for outcome in outcomes if not isinstance(outcome, nowhere)]


async def whole(store: Store, log: str = "lobby") -> list[Entry]:
    return await store.read(log, after=0, through=1_000_000, limit=1_000_000)


async def texts(store: Store, log: str = "lobby") -> list[str]:
    return [entry.text for entry in await whole(store, log)]


class StoreContract:
    """Subclasses give a `store` fixture."""

    # --- numbering -------------------------------------------------------------------

    async def test_a_log_is_numbered_1_2_3_in_the_order_given(self, store: Store) -> None:
        first = await store.append([draft(1, "a"), draft(2, "b")], NOW_S)
        then = await store.append([draft(3, "c")], NOW_S)
        assert seqs(first + then) == [1, 2, 3]
        assert [(e.seq, e.text) for e in await whole(store)] == [
            (1, "a"),
            (2, "b"),
            (3, "c"),
        ]

    async def test_each_log_has_its_own_numbers(self, store: Store) -> None:
        drafts = [draft(n, log=log) for n, log in enumerate("abaab", start=1)]
        assert seqs(await store.append(drafts, NOW_S)) == [1, 1, 2, 3, 2]
        assert await store.heads() == {"a": 3, "b": 2}

    async def test_the_order_given_is_the_order_of_the_log(self, store: Store) -> None:
        await store.append([draft(9, "first"), draft(2, "second", device="e")], NOW_S)
        assert await texts(store) == ["first", "second"]

    async def test_many_at_once_are_contiguous(self, store: Store) -> None:
        drafts = [draft(n, str(n)) for n in range(1, 501)]
        assert seqs(await store.append(drafts, NOW_S)) == list(range(1, 501))
        assert await texts(store) == [str(n) for n in range(1, 501)]

    async def test_nothing_may_be_appended(self, store: Store) -> None:
        assert await store.append([], NOW_S) == []
        assert await store.heads() == {}

    # --- looking up only -------------------------------------------------------------

    async def test_a_draft_that_is_only_looked_up_is_never_appended(
        self, store: Store
    ) -> None:
        lookup = draft(1, "a", known_only=True)
        assert await store.append([lookup], NOW_S) == [Missing()]
        assert await store.heads() == {}
        (appended,) = await store.append([draft(1, "a")], NOW_S)
        assert isinstance(appended, Appended)
        assert await store.append([lookup], NOW_S) == [
            Appended(appended.entries, duplicate=True)
        ]
        other = draft(1, "b", known_only=True)
        assert await store.append([other], NOW_S) == [Conflict(1)]
        assert await texts(store) == ["a"]

    @pytest.mark.parametrize("trimmed", [False, True])
    @pytest.mark.parametrize("to", ["Bob", "BOB", "\uff22\uff4f\uff42"])
    async def test_a_reader_written_otherwise_is_the_same_reader(
        self, store: Store, to: str, trimmed: bool
    ) -> None:
        """Also in full width: what its holder, or the server, calls it may change."""
        await store.append([draft(1, log="@d", to="bob")], NOW_S)
        if trimmed:
            await store.trim("@d", Keep(entries=0), limit=9)
        for known_only in (False, True):
            again = draft(1, log="@d", to=to, known_only=known_only)
            (outcome,) = await store.append([again], NOW_S)
            if trimmed:
                assert outcome == Trimmed(1)
            else:
                assert isinstance(outcome, Appended)
                assert outcome.duplicate

    @pytest.mark.parametrize("trimmed", [False, True])
    async def test_the_same_text_to_another_reader_is_another_draft(
        self, store: Store, trimmed: bool
    ) -> None:
        """To call it known would be to say that this reader has it."""
        await store.append([draft(1, log="@d", to="bob")], NOW_S)
        if trimmed:
            await store.trim("@d", Keep(entries=0), limit=9)
        for to in ("rob", "bobb", None, "b" * 60_000):
            assert await store.append([draft(1, log="@d", to=to)], NOW_S) == [Conflict(1)]

    # --- identity --------------------------------------------------------------------

    async def test_a_resend_has_the_same_seq_and_makes_no_second_entry(
        self, store: Store
    ) -> None:
        (first,) = await store.append([draft(1)], NOW_S)
        await store.append([draft(2)], NOW_S)
        (again,) = await store.append([draft(1)], NOW_S + 60)
        assert isinstance(first, Appended)
        assert not first.duplicate
        assert again == Appended(first.entries, duplicate=True)
        assert await store.heads() == {"lobby": 2}

    async def test_a_resend_within_one_batch_is_one_entry(self, store: Store) -> None:
        one, two, again = await store.append([draft(1), draft(2), draft(1)], NOW_S)
        assert isinstance(one, Appended)
        assert again == Appended(one.entries, duplicate=True)
        assert seqs([one, two]) == [1, 2]
        assert len(await whole(store)) == 2

    async def test_a_resend_under_another_nick_is_still_a_resend(
        self, store: Store
    ) -> None:
        await store.append([draft(1)], NOW_S)
        (again,) = await store.append([draft(1, nick="ada2")], NOW_S)
        assert isinstance(again, Appended)
        assert again.duplicate
        assert again.entries[0].nick == "ada"

    @pytest.mark.parametrize(
        "other", [{"text": "B"}, {"kind": "me"}, {"to": "bob"}, {"ref": 1}]
    )
    async def test_the_same_id_with_something_else_is_a_conflict(
        self, store: Store, other: dict[str, Any]
    ) -> None:
        await store.append([draft(1, "a"), draft(2, "b")], NOW_S)
        before = await whole(store)
        changed = draft(2, **{"text": "b", **other})
        outcomes = await store.append([changed, draft(3, "c")], NOW_S)
        assert outcomes[0] == Conflict(2)
        assert seqs(outcomes) == [2, 3]
        assert (await whole(store))[:2] == before

    async def test_an_authors_numbers_grow(self, store: Store) -> None:
        """One that comes after a later one of its device is not appended, ever."""
        outcomes = await store.append([draft(2, "b"), draft(1, "a")], NOW_S)
        assert outcomes[1] == Late(2)
        assert await store.append([draft(1, "a"), draft(3, "c")], NOW_S) == [
            Late(2),
            Appended(tuple(await whole(store))[1:], duplicate=False),
        ]
        assert await texts(store) == ["b", "c"]

    async def test_numbers_grow_also_over_what_is_no_longer_kept(
        self, store: Store
    ) -> None:
        await store.append([draft(3, "c"), draft(1, "x", device="e")], NOW_S)
        await store.trim("lobby", Keep(entries=1), limit=9)
        assert await store.append([draft(2, "b")], NOW_S) == [Late(3)]
        assert seqs(await store.append([draft(2, "y", device="e")], NOW_S)) == [3]

    async def test_a_conflict_within_one_batch(self, store: Store) -> None:
        outcomes = await store.append([draft(1, "a"), draft(1, "b")], NOW_S)
        assert outcomes[1] == Conflict(1)
        assert await texts(store) == ["a"]

    async def test_an_identity_is_device_and_number_and_log(self, store: Store) -> None:
        drafts = [draft(1), draft(1, device="e"), draft(2), draft(1, log="other")]
        outcomes = await store.append(drafts, NOW_S)
        assert all(isinstance(o, Appended) and not o.duplicate for o in outcomes)
        assert seqs(outcomes) == [1, 2, 3, 1]

    # --- copies ----------------------------------------------------------------------

    async def test_a_copy_stands_in_the_other_log_too(self, store: Store) -> None:
        await store.append([draft(1, log="@bob", device="b")], NOW_S)
        direct = draft(1, log="@ada", to="bob", copies=("@bob",))
        (outcome,) = await store.append([direct], NOW_S)
        assert isinstance(outcome, Appended)
        assert [(e.log, e.seq, e.to) for e in outcome.entries] == [
            ("@ada", 1, "bob"),
            ("@bob", 2, None),
        ]
        assert outcome.seq == 1
        assert await whole(store, "@ada") == [outcome.entries[0]]
        assert (await whole(store, "@bob"))[1:] == [outcome.entries[1]]

    async def test_a_resend_is_not_copied_again(self, store: Store) -> None:
        direct = draft(1, log="@ada", to="bob", copies=("@bob",))
        outcomes = await store.append([direct, direct], NOW_S)
        outcomes += await store.append([direct], NOW_S)
        assert [isinstance(o, Appended) and o.duplicate for o in outcomes] == [
            False,
            True,
            True,
        ]
        assert isinstance(outcomes[2], Appended)
        assert len(outcomes[2].entries) == 1
        assert await store.heads() == {"@ada": 1, "@bob": 1}

    async def test_a_conflict_is_not_copied(self, store: Store) -> None:
        await store.append([draft(1, "a", log="@ada")], NOW_S)
        await store.append([draft(1, "b", log="@ada", copies=("@bob",))], NOW_S)
        assert await store.heads() == {"@ada": 1}

    async def test_a_copy_takes_nobodys_identity(self, store: Store) -> None:
        """Bob's own draft with the same numbers is another one."""
        direct = draft(1, "to bob", log="@ada", copies=("@bob",))
        own = draft(1, "bob's own", log="@bob")
        again = draft(2, "to bob", log="@ada", copies=("@bob",))
        assert seqs(await store.append([direct, own, again], NOW_S)) == [1, 2, 2]
        assert await texts(store, "@bob") == ["to bob", "bob's own", "to bob"]

    # --- reading ---------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("after", "through", "limit", "expected"),
        [
            (0, 9, 9, [1, 2, 3, 4, 5]),
            (0, 9, 2, [1, 2]),
            (2, 4, 9, [3, 4]),
            (2, 4, 1, [3]),
            (4, 5, 9, [5]),
            (5, 9, 9, []),
            (7, 9, 9, []),
            (3, 3, 9, []),
            (4, 2, 9, []),
            (0, 9, 0, []),
        ],
    )
    async def test_read_gives_what_is_between(
        self, store: Store, after: int, through: int, limit: int, expected: list[int]
    ) -> None:
        await store.append([draft(n) for n in range(1, 6)], NOW_S)
        entries = await store.read("lobby", after=after, through=through, limit=limit)
        assert [entry.seq for entry in entries] == expected

    async def test_a_log_that_nobody_wrote_to_is_empty(self, store: Store) -> None:
        await store.append([draft(1)], NOW_S)
        assert await whole(store, "nowhere") == []
        assert await store.heads() == {"lobby": 1}

    async def test_what_is_read_can_be_changed_by_nobody(self, store: Store) -> None:
        await store.append([draft(1)], NOW_S)
        (await whole(store)).clear()
        assert len(await whole(store)) == 1

    # --- retention -------------------------------------------------------------------

    async def test_what_need_not_be_kept_is_given_up_from_the_oldest_on(
        self, store: Store
    ) -> None:
        await store.append([draft(n, str(n)) for n in range(1, 10)], NOW_S)
        assert await store.trim("lobby", Keep(entries=4), limit=100) == 5
        assert await store.trimmed("lobby") == 5
        assert await texts(store) == ["6", "7", "8", "9"]
        assert await store.trim("lobby", Keep(entries=4), limit=100) == 0

    async def test_trimming_goes_in_steps(self, store: Store) -> None:
        await store.append([draft(n) for n in range(1, 11)], NOW_S)
        steps = [await store.trim("lobby", Keep(entries=3), limit=3) for _ in range(4)]
        assert steps == [3, 3, 1, 0]
        assert [entry.seq for entry in await whole(store)] == [8, 9, 10]

    async def test_entries_are_kept_since_a_time(self, store: Store) -> None:
        for n in range(1, 6):
            await store.append([draft(n)], NOW_S + n)
        since = Keep(since_ts=NOW_S + 3)
        assert await store.overdue(since) == ["lobby"]
        assert await store.trim("lobby", since, limit=100) == 2
        assert await store.overdue(since) == []
        assert [entry.seq for entry in await whole(store)] == [3, 4, 5]

    async def test_a_clock_that_was_set_back_keeps_what_stands_behind_the_young(
        self, store: Store
    ) -> None:
        for n, ts in enumerate([5.0, 50.0, 6.0], start=1):
            await store.append([draft(n)], ts)
        assert await store.trim("lobby", Keep(since_ts=10.0), limit=100) == 1
        assert [entry.seq for entry in await whole(store)] == [2, 3]

    async def test_either_of_the_two_gives_an_entry_up(self, store: Store) -> None:
        for n in range(1, 10):
            await store.append([draft(n)], float(n))
        keep = Keep(entries=7, since_ts=5.0)
        assert await store.trim("lobby", keep, limit=100) == 4
        keep = Keep(entries=2, since_ts=5.0)
        assert await store.trim("lobby", keep, limit=100) == 3

    async def test_without_a_wish_everything_is_kept(self, store: Store) -> None:
        await store.append([draft(1)], 0.0)
        assert await store.overdue(Keep()) == []
        assert await store.trim("lobby", Keep(), limit=100) == 0

    async def test_a_log_that_nobody_wrote_to_is_not_trimmed(self, store: Store) -> None:
        assert await store.trim("nowhere", Keep(entries=1), limit=9) == 0
        assert await store.trimmed("nowhere") == 0
        assert await store.heads() == {}

    async def test_numbers_go_on_where_they_were_also_when_nothing_is_kept(
        self, store: Store
    ) -> None:
        await store.append([draft(n) for n in range(1, 4)], 1.0)
        assert await store.trim("lobby", Keep(since_ts=2.0), limit=100) == 3
        assert await whole(store) == []
        assert await store.heads() == {"lobby": 3}
        assert await store.overdue(Keep(entries=1)) == []
        assert seqs(await store.append([draft(4)], 3.0)) == [4]

    async def test_only_the_logs_with_something_to_trim_are_overdue(
        self, store: Store
    ) -> None:
        await store.append([draft(n, log=log) for n, log in enumerate("abbb", 1)], 1.0)
        assert await store.overdue(Keep(entries=1)) == ["b"]
        assert await store.overdue(Keep(entries=3)) == []

    async def test_an_identity_outlives_its_entry(self, store: Store) -> None:
        drafts = [draft(n, str(n)) for n in range(1, 4)]
        await store.append(drafts, NOW_S)
        await store.trim("lobby", Keep(entries=1), limit=100)
        outcomes = await store.append([*drafts, draft(2, "other")], NOW_S)
        assert outcomes[:2] == [Trimmed(1), Trimmed(2)]
        assert outcomes[3] == Conflict(2)
        assert await store.append([draft(1, "1", known_only=True)], NOW_S) == [Trimmed(1)]
        assert await store.heads() == {"lobby": 3}

    async def test_a_direct_message_that_is_no_longer_kept_is_not_copied_again(
        self, store: Store
    ) -> None:
        direct = draft(1, log="@ada", to="Bob", copies=("@bob",))
        await store.append([direct, draft(2, log="@ada")], NOW_S)
        await store.trim("@ada", Keep(entries=1), limit=100)
        again = draft(1, log="@ada", to="BOB", copies=("@bob",))
        assert await store.append([again], NOW_S) == [Trimmed(1)]
        assert await store.heads() == {"@ada": 2, "@bob": 1}

    @pytest.mark.parametrize(
        ("after", "through", "limit", "expected"),
        [
            (0, 9, 9, [4, 5, 6]),
            (0, 9, 2, [4, 5]),
            (2, 9, 2, [4, 5]),
            (3, 5, 9, [4, 5]),
            (0, 3, 9, []),
            (0, 2, 9, []),
            (5, 9, 9, [6]),
        ],
    )
    async def test_read_begins_at_what_is_kept(
        self, store: Store, after: int, through: int, limit: int, expected: list[int]
    ) -> None:
        await store.append([draft(n) for n in range(1, 7)], NOW_S)
        await store.trim("lobby", Keep(entries=3), limit=100)
        entries = await store.read("lobby", after=after, through=through, limit=limit)
        assert [entry.seq for entry in entries] == expected

    # --- values ----------------------------------------------------------------------

    @pytest.mark.parametrize("text", AWKWARD_TEXTS)
    async def test_a_text_is_the_same_when_read(self, store: Store, text: str) -> None:
        (outcome,) = await store.append([draft(1, text)], NOW_S)
        assert isinstance(outcome, Appended)
        assert outcome.entries == tuple(await whole(store))
        assert outcome.entries[0].text == text
        (again,) = await store.append([draft(1, text)], NOW_S)
        assert isinstance(again, Appended)
        assert again.seq == 1

    @pytest.mark.parametrize("name", ["@", "@d", "漢", "a\0b", "'", "x" * 64])
    async def test_awkward_names_are_the_same_when_read(
        self, store: Store, name: str
    ) -> None:
        strange = draft(1, log=name, device=name, nick=name, to=name)
        (outcome,) = await store.append([strange], NOW_S)
        (entry,) = await whole(store, name)
        assert isinstance(outcome, Appended)
        assert outcome.entries == (entry,)
        assert (entry.log, entry.nick, entry.to) == (name, name, name)
        assert await store.heads() == {name: 1}

    @pytest.mark.parametrize(
        ("ts", "expected"),
        [
            (NOW_S, NOW_S),
            (1_700_000_000.001, 1_700_000_000.001),
            (1_700_000_000.123456, 1_700_000_000.123),
            (1_700_000_000.999999, 1_700_000_001.0),
            (0.0, 0.0),
        ],
    )
    async def test_a_time_is_kept_to_the_millisecond(
        self, store: Store, ts: float, expected: float
    ) -> None:
        (outcome,) = await store.append([draft(1)], ts)
        (entry,) = await whole(store)
        assert entry.ts == expected
        assert isinstance(outcome, Appended)
        assert outcome.entries == (entry,)

    async def test_clocks_order_nothing(self, store: Store) -> None:
        await store.append([draft(1)], NOW_S)
        assert seqs(await store.append([draft(2)], NOW_S - 3_600)) == [2]

    async def test_the_largest_number_is_a_number(self, store: Store) -> None:
        largest = draft(2**53 - 1)
        assert seqs(await store.append([largest, largest], NOW_S)) == [1, 1]

    async def test_the_epoch_is_a_name(self, store: Store) -> None:
        assert store.epoch
        assert store.epoch == store.epoch.strip()

    # --- small values ----------------------------------------------------------------

    async def test_what_is_remembered_is_found_under_its_name(self, store: Store) -> None:
        assert await store.remembered("") == {}
        await store.remember({"a/2": "two", "a/1": "one", "b/1": "{}", "A/1": "é\0"})
        assert list((await store.remembered("a/")).items()) == [
            ("a/1", "one"),
            ("a/2", "two"),
        ]
        assert await store.remembered("") == {
            "A/1": "é\0",
            "a/1": "one",
            "a/2": "two",
            "b/1": "{}",
        }
        assert await store.remembered("%") == {}

    async def test_what_is_remembered_is_replaced_and_forgotten(self, store: Store) -> None:
        await store.remember({"a": "one", "b": "two"})
        await store.remember({"a": "three", "b": None, "never there": None})
        await store.remember({})
        assert await store.remembered("") == {"a": "three"}

    async def test_what_is_remembered_is_in_no_log(self, store: Store) -> None:
        await store.remember({"lobby": "value"})
        assert await store.heads() == {}
        await store.append([draft(1)], NOW_S)
        assert await store.remembered("") == {"lobby": "value"}
