"""What is found in every store: one suite, run against each of them."""

import pytest

from tests.store.contract import NOW_S, draft
from trio_chat.store import Appended, Keep, Store
from trio_chat.words import wanted

ALL = 1_000_000


async def said(store: Store, *texts: str, log: str = "lobby", n: int = 1) -> None:
    """These are in the log, in this order."""
    drafts = [draft(number, text, log) for number, text in enumerate(texts, start=n)]
    await store.append(drafts, NOW_S)


async def about(store: Store, n: int, kind: str, ref: int, text: str) -> None:
    """Something is said about an entry."""
    (outcome,) = await store.append([draft(n, text, kind=kind, ref=ref)], NOW_S)
    assert isinstance(outcome, Appended)


async def found(
    store: Store, typed: str, *, log: str = "lobby", before: int = ALL, limit: int = 50
) -> list[int]:
    """The seqs of what is found, newest first."""
    sought = wanted(typed)
    hits = await store.search(log, sought, before=before, through=ALL, limit=limit)
    assert hits.before is None or len(hits.entries) == limit
    return [entry.seq for entry in hits.entries]


class SearchContract:
    """Subclasses give a `store` fixture."""

    async def test_what_holds_all_words_is_found_newest_first(self, store: Store) -> None:
        await said(store, "red green", "green blue", "blue red", "green and red")
        assert await found(store, "red green") == [4, 1]
        assert await found(store, "green red") == [4, 1]
        assert await found(store, "yellow") == []

    async def test_the_entry_is_the_one_of_the_log(self, store: Store) -> None:
        await said(store, "one", "two: Éclairs", "three")
        sought = wanted("eclairs")
        hits = await store.search("lobby", sought, before=ALL, through=ALL, limit=5)
        (entry,) = await store.read("lobby", after=1, through=2, limit=9)
        assert hits.entries == (entry,)
        assert hits.before is None

    @pytest.mark.parametrize(
        ("text", "typed"),
        [
            ("Deploy at NOON", "deploy noon"),
            ("the deployment", "deploy"),
            ("Ça déjà vu, naïve", "CA DEJA vu"),
            ("cafe\u0301 au lait", "café"),
            ("Straße", "strasse"),
            ("see foo_bar.baz()", "bar"),
            ("see foo-bar", "foo-bar"),
            ("昨日東京タワーで会った", "東京タワー"),
            ("昨日東京タワーで会った", "日東"),
            ("ﾄﾗｲｵ", "トライオ"),
            ("서울에서 만나요", "서울"),
            ("ยินดีต้อนรับ", "ต้อน"),
            ("it works 🎉🎉", "🎉"),
            ("thumbs 👍🏽 up", "👍"),
            ("a NUL \0 within", "nul within"),
            ("tab\tand\nnewline", "newline tab"),
            ('say "quoted" AND NOT near', 'and not "near"'),
            ("ticket #4711", "#4711"),
            ("x" * 16_384, "x" * 200),
        ],
    )
    async def test_a_text_is_found_by(self, store: Store, text: str, typed: str) -> None:
        await said(store, "before", text, "after")
        assert await found(store, typed) == [2]

    @pytest.mark.parametrize(
        ("text", "typed"),
        [
            ("the deployment of it", "deploy it's"),
            ("a deployment today", "deploy today"),  # only the last word goes on
            ("the deployment", "ployment"),
            ("foo and bar", "foo-bar"),
            ("東 and 京", "東京"),
            ("apple", "a"),  # nearly everything begins with one letter
            ("日本", "日木"),
        ],
    )
    async def test_a_text_is_not_found_by(
        self, store: Store, text: str, typed: str
    ) -> None:
        await said(store, text)
        assert await found(store, typed) == []

    @pytest.mark.parametrize(
        "typed",
        [
            '"',
            "a OR b",
            "NEAR(a b)",
            "words:a",
            "a*",
            "-a",
            "^a",
            '") OR "x',
            "{words} : a",
        ],
    )
    async def test_what_is_typed_is_never_taken_for_a_question(
        self, store: Store, typed: str
    ) -> None:
        await said(store, "alpha beta", "gamma")
        assert await found(store, typed) == []

    async def test_a_log_is_searched_alone(self, store: Store) -> None:
        await said(store, "hello here")
        await said(store, "hello there", log="den")
        await said(store, "hello secret", log="@abc")
        assert await found(store, "hello") == [1]
        assert await found(store, "secret") == []
        assert await found(store, "secret", log="@abc") == [1]
        assert await found(store, "hello", log="nowhere") == []

    async def test_a_search_goes_on_where_the_last_one_ended(self, store: Store) -> None:
        await said(store, *(f"line {n}" for n in range(1, 8)))
        sought, before, pages = wanted("line"), ALL, []
        while True:
            hits = await store.search("lobby", sought, before=before, through=ALL, limit=3)
            pages.append([entry.seq for entry in hits.entries])
            if hits.before is None:
                break
            before = hits.before
        assert pages == [[7, 6, 5], [4, 3, 2], [1]]

    async def test_nothing_beyond_the_head_that_is_known_is_found(
        self, store: Store
    ) -> None:
        await said(store, "line 1", "line 2")
        hits = await store.search("lobby", wanted("line"), before=9, through=1, limit=5)
        assert [entry.seq for entry in hits.entries] == [1]

    async def test_what_was_said_since_is_found(self, store: Store) -> None:
        await said(store, "line 1")
        assert await found(store, "line") == [1]
        await said(store, "line 2", "other", n=2)
        assert await found(store, "line") == [2, 1]

    async def test_what_is_no_longer_kept_is_not_found(self, store: Store) -> None:
        await said(store, *(f"line {n}" for n in range(1, 6)))
        assert await found(store, "line") == [5, 4, 3, 2, 1]
        await store.trim("lobby", Keep(entries=2), limit=100)
        assert await found(store, "line") == [5, 4]
        await said(store, "line 6", n=6)
        await store.trim("lobby", Keep(entries=0), limit=100)
        assert await found(store, "line") == []
        await said(store, "line 7", n=7)
        assert await found(store, "line") == [7]

    async def test_an_index_that_is_made_beforehand_makes_no_difference(
        self, store: Store
    ) -> None:
        await said(store, *(f"line {n}" for n in range(1, 600)))
        await said(store, "a line elsewhere", log="den", n=600)
        for _ in range(100):
            if not await store.index():
                break
        assert await store.index() == 0
        assert (await found(store, "line", limit=50))[:2] == [599, 598]
        assert await found(store, "elsewhere", log="den") == [1]

    # --- what was said about an entry ------------------------------------------------

    async def test_what_was_edited_is_found_by_what_it_says_now(self, store: Store) -> None:
        await said(store, "the old wording", "another line")
        assert await found(store, "old") == [1]
        await about(store, 3, "edit", 1, "the new wording")
        assert await found(store, "old") == []
        sought = wanted("new")
        hits = await store.search("lobby", sought, before=ALL, through=ALL, limit=5)
        (entry,) = hits.entries
        assert (entry.seq, entry.text, entry.kind) == (1, "the new wording", "text")
        await about(store, 4, "edit", 1, "newer still")
        assert await found(store, "new wording") == []
        assert await found(store, "newer", before=2) == [1]

    async def test_what_was_deleted_is_not_found_whatever_comes_then(
        self, store: Store
    ) -> None:
        await said(store, "a mistake", "a line")
        assert await found(store, "mistake") == [1]
        await about(store, 3, "edit", 1, "a blunder")
        await about(store, 4, "delete", 1, "")
        assert await found(store, "blunder") == []
        await about(store, 5, "edit", 1, "a blunder again")
        assert await found(store, "blunder") == []
        assert await found(store, "mistake") == []

    async def test_reactions_are_not_found_and_replies_are(self, store: Store) -> None:
        await said(store, "a question")
        await about(store, 2, "react", 1, "yes")
        await about(store, 3, "unreact", 1, "yes")
        await about(store, 4, "text", 1, "yes, an answer")
        assert await found(store, "yes") == [4]

    async def test_edits_of_what_is_trimmed_are_no_lines(self, store: Store) -> None:
        await said(store, "a line", "another")
        await about(store, 3, "edit", 1, "an edited line")
        await store.trim("lobby", Keep(entries=1), limit=10)
        assert await found(store, "edited") == []
        assert await store.index() >= 0
        assert await found(store, "line") == []
