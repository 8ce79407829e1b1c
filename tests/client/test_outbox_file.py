"""What was typed is on the disk before it is sent, and is there in the next life."""
# ruff: noqa: ASYNC240 (files and processes are what these tests are about)

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.client.fake_server import FakePeer, event, open_fake
from tests.processes import PATIENCE_S, environment
from trio_chat.addresses import Address
from trio_chat.client.events import Cancelled, Queued, Refused
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.client.outbox_disk import FILES_MAX, FORM, OutboxDisk
from trio_chat.client.outbox_file import (
    FileOutbox,
    open_outbox,
    open_outbox_if_possible,
    outbox_path,
)
from trio_chat.errors import ClosedError, OutboxError, RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Accepted, Direct, Room, Say
from trio_chat.worker import open_inline_worker

POSIX = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
HERE = Address("chat.example.org", 8765)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.db"


async def fill(outbox: FileOutbox, *texts: str) -> list[Ticket]:
    return [await outbox.put("lobby", text, "text") for text in texts]


def texts(outbox: Outbox) -> list[str]:
    return [ticket.text for ticket in outbox.lines]


def rows(path: Path) -> list[tuple[int, str]]:
    """What another program reads in the file right now."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT n, text FROM line ORDER BY n").fetchall()
    finally:
        connection.close()


# --- from life to life ---------------------------------------------------------------


async def test_what_was_left_is_found_in_its_order(path: Path) -> None:
    async with open_outbox(path, wall_clock_s=lambda: 1e9) as outbox:
        device = outbox.device
        await fill(outbox, "a", "b\nb")
        await outbox.put("@bob", "waves", "me")
    async with open_outbox(path) as outbox:
        assert outbox.device == device
        assert [
            (each.n, each.room, each.text, each.kind, each.typed_s) for each in outbox.lines
        ] == [
            (1, "lobby", "a", "text", 1e9),
            (2, "lobby", "b\nb", "text", 1e9),
            (3, "@bob", "waves", "me", 1e9),
        ]


async def test_what_was_left_about_an_entry_is_still_about_it(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await outbox.put("lobby", "deploy at six", "edit", 41)
        await outbox.put("@bob", "", "delete", 7)
        await outbox.put("lobby", "a", "text")
    async with open_outbox(path) as outbox:
        assert [each.message for each in outbox.lines] == [
            Say("lobby", 1, "deploy at six", "edit", 41),
            Direct("bob", 2, "", "delete", 7),
            Say("lobby", 3, "a"),
        ]


async def test_a_file_of_an_earlier_version_is_made_over(path: Path) -> None:
    """With its device, its numbers, its mark and its lines."""
    make_version_1(path)
    for _ in range(2):
        async with open_outbox(path) as outbox:
            assert outbox.device == "of old"
            assert [(each.n, each.text, each.kind) for each in outbox.lines] == [
                (4, "a", "text"),
                (6, "waves", "me"),
            ]
            assert [outbox.is_held(n) for n in (4, 6)] == [False, True]
    async with open_outbox(path) as outbox:
        ticket = await outbox.put("lobby", "x", "react", 2)
        assert (ticket.n, ticket.ref) == (10, 2)


async def test_lines_of_an_earlier_version_are_counted_in_files_that_nobody_has(
    path: Path,
) -> None:
    make_version_1(path)
    make_version_1(path.with_stem(f"{path.stem}-2"))
    async with open_outbox(path) as outbox:
        assert outbox.lines_elsewhere == 2


def make_version_1(path: Path) -> None:
    """A file as it was before lines could be about an entry."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE line (
            n INTEGER PRIMARY KEY AUTOINCREMENT,
            room TEXT NOT NULL,
            text TEXT NOT NULL,
            kind TEXT NOT NULL,
            typed_ms INTEGER NOT NULL
        );
        INSERT INTO meta VALUES ('device', 'of old'), ('released', 5);
        INSERT INTO line VALUES (4, 'lobby', 'a', 'text', 5);
        INSERT INTO line VALUES (6, 'lobby', 'waves', 'me', 6);
        UPDATE sqlite_sequence SET seq = 9 WHERE name = 'line';
        """
    )
    connection.execute(f"PRAGMA application_id = {FORM.application_id}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


async def test_a_line_is_on_the_disk_when_its_ticket_is_given(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a")
        assert rows(path) == [(1, "a")]


async def test_no_number_is_given_twice(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a", "b")
        await outbox.cancel(2)
        outbox.release()
        await wait_all_tasks_blocked()
        outbox.accept(1, 1)
    async with open_outbox(path) as outbox:
        assert not outbox.lines
        (ticket,) = await fill(outbox, "c")
        assert ticket.n == 3


async def test_what_was_accepted_is_not_found_again(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a", "b")
        assert outbox.accept(1, 41)
        assert outbox.last_seqs == {"lobby": 41}
    async with open_outbox(path) as outbox:
        assert texts(outbox) == ["b"]


async def test_who_is_refused_is_told_when_it_can_not_come_back(path: Path) -> None:
    async with open_outbox(path) as outbox:
        (ticket,) = await fill(outbox, "a")
        told: list[tuple[Ticket | None, list[tuple[int, str]]]] = []
        outbox.refuse(1, "not_joined", "no", lambda it: told.append((it, rows(path))))
        assert not told
        with pytest.raises(RefusedError, match="no"):
            await ticket.accepted()
        assert told == [(ticket, [])]
        assert outbox.refused_lines == 1
        outbox.refuse(1, "not_joined", "no", lambda it: told.append((it, [])))
        await wait_all_tasks_blocked()
    assert told[1:] == [(None, [])]


async def test_what_was_taken_back_is_gone_for_good(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a", "b")
        assert (await outbox.cancel(1)).text == "a"
        assert rows(path) == [(2, "b")]
        with pytest.raises(OutboxError, match="no line 1 waits"):
            await outbox.cancel(1)


async def test_of_two_who_take_a_line_back_one_does(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a")
        answers: list[str] = []

        async def cancel() -> None:
            try:
                answers.append((await outbox.cancel(1)).text)
            except OutboxError as error:
                answers.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            nursery.start_soon(cancel)
    assert sorted(answers) == ["a", "no line 1 waits"]


async def test_a_line_is_sent_only_after_the_file_says_that_it_may_be(path: Path) -> None:
    async with open_outbox(path) as outbox:
        await fill(outbox, "a", "b")
        released: list[int] = []
        outbox.on_released = lambda: released.append(len(list(outbox.after(0))))
        outbox.release()
        assert not list(outbox.after(0))
        while released[-1:] != [2]:
            await trio.lowlevel.checkpoint()
    async with open_outbox(path) as outbox:
        for n in (1, 2):
            with pytest.raises(OutboxError, match="may be on its way"):
                await outbox.cancel(n)
        await fill(outbox, "c")
        await outbox.cancel(3)  # typed in this life, without a link


async def test_lines_of_several_authors_are_sent_in_the_order_of_their_numbers(
    path: Path,
) -> None:
    async with open_outbox(path) as outbox:
        seen: list[int] = []
        outbox.on_queued.append(lambda ticket: seen.append(ticket.n))
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(outbox.put, "lobby", str(number), "text")
        assert seen == list(range(1, 101))
        assert [ticket.n for ticket in outbox.lines] == seen


async def test_whoever_gives_up_on_a_put_knows_whether_it_is_a_line(path: Path) -> None:
    async with open_outbox(path, lines_max=1) as outbox:
        ticket = None
        with trio.CancelScope() as scope:
            scope.cancel()
            ticket = await outbox.put("lobby", "a", "text")
        assert outbox.lines == (ticket,)
        with trio.CancelScope() as scope:
            scope.cancel()
            await outbox.put("lobby", "b", "text")
        assert scope.cancelled_caught
        assert outbox.lines == (ticket,)


async def test_what_was_put_in_last_is_written_before_the_end(path: Path) -> None:
    async with open_outbox(path) as outbox, trio.open_nursery() as nursery:
        nursery.start_soon(outbox.put, "lobby", "a", "text")
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert rows(outbox.path) in ([(1, "a")], [])
    async with open_outbox(path) as outbox:
        nowhere = len(outbox)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.put, "lobby", "b", "text")
            await wait_all_tasks_blocked()
    assert len(rows(path)) == nowhere + 1


async def test_a_full_outbox_takes_no_more_until_there_is_room(path: Path) -> None:
    async with open_outbox(path, lines_max=2) as outbox:
        await fill(outbox, "a", "b")
        assert outbox.is_full
        with pytest.raises(trio.WouldBlock):
            outbox.put_nowait("lobby", "c", "text")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill, outbox, "c")
            await wait_all_tasks_blocked()
            assert texts(outbox) == ["a", "b"]
            await outbox.cancel(1)
        assert texts(outbox) == ["b", "c"]


async def test_a_closed_client_leaves_its_lines_for_the_next(path: Path) -> None:
    async with open_outbox(path) as outbox:
        (ticket,) = await fill(outbox, "a")
        outbox.close()
        with pytest.raises(ClosedError):
            await ticket.accepted()
        with pytest.raises(ClosedError):
            await outbox.put("lobby", "b", "text")
        with pytest.raises(ClosedError):
            outbox.put_nowait("lobby", "b", "text")
        await outbox.emptied()
        assert texts(outbox) == ["a"]
    async with open_outbox(path) as outbox:
        assert texts(outbox) == ["a"]


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is Unix")
def test_a_killed_program_leaves_all_that_it_had_a_ticket_for(path: Path) -> None:
    program = (
        "import sys, trio\n"
        "from pathlib import Path\n"
        "from trio_chat import open_outbox\n"
        "async def main():\n"
        "    async with open_outbox(Path(sys.argv[1])) as outbox:\n"
        "        while True:\n"
        "            ticket = await outbox.put('lobby', 'x' * 300, 'text')\n"
        "            print(ticket.n, flush=True)\n"
        "            if ticket.n % 3 == 0:\n"
        "                await outbox.cancel(ticket.n)\n"
        "                print(-ticket.n, flush=True)\n"
        "trio.run(main)\n"
    )
    taken_back: set[int] = set()
    given: set[int] = set()
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)],
            stdout=subprocess.PIPE,
            env=environment(path.parent),
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                number = int(line)
                assert number not in given
                (given if number > 0 else taken_back).add(abs(number))
                if len(given) >= 100 * (life + 1):
                    process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_S)
        found = {n for n, _ in rows(path)}
        assert not found & taken_back
        last = max(given)  # whose cancel may have been under way
        assert given - taken_back - {last} <= found
        given |= found


# --- two at a time -------------------------------------------------------------------


async def test_a_second_client_has_a_file_of_its_own(path: Path) -> None:
    async with open_outbox(path) as one, open_outbox(path) as other:
        assert other.path == path.with_name("outbox-2.db")
        assert one.device != other.device
        await fill(one, "a")
        await fill(other, "b")
        assert (texts(one), texts(other)) == (["a"], ["b"])


async def test_what_a_second_client_left_is_found_by_the_next_that_comes(
    path: Path,
) -> None:
    async with open_outbox(path), open_outbox(path) as other:
        await fill(other, "b")
    async with open_outbox(path) as next_one:
        assert next_one.path == other.path
        assert next_one.device == other.device
        assert texts(next_one) == ["b"]
        async with open_outbox(path) as one_more:
            assert one_more.path == path


async def test_ones_own_lines_come_before_those_of_a_second_client(path: Path) -> None:
    async with open_outbox(path) as one, open_outbox(path) as other:
        await fill(one, "a")
        await fill(other, "b")
    async with open_outbox(path) as next_one:
        assert texts(next_one) == ["a"]


async def test_lines_in_files_that_nobody_has_are_counted(path: Path) -> None:
    async with open_outbox(path) as one, open_outbox(path) as other:
        await fill(one, "a")
        await fill(other, "b", "c")
        async with open_outbox(path) as third:
            await fill(third, "d")
            assert third.lines_elsewhere == 0  # both are somebody's
    async with open_outbox(path) as one:
        assert (texts(one), one.lines_elsewhere) == (["a"], 3)
        async with open_outbox(path) as other:
            assert (texts(other), other.lines_elsewhere) == (["b", "c"], 1)
        await one.cancel(1)
    async with open_outbox(path) as next_one:
        assert (texts(next_one), next_one.lines_elsewhere) == (["b", "c"], 1)


async def test_who_counts_makes_nothing_and_takes_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("outbox-2.db").write_bytes(b"not a database, and long enough" * 99)
    path.with_name("outbox-3.db").touch()
    async with open_outbox(path) as outbox:
        assert outbox.lines_elsewhere == 0
        assert path.with_name("outbox-3.db").read_bytes() == b""
        assert not path.with_name("outbox-4.db").exists()


async def test_a_file_that_is_broken_does_not_keep_others_from_theirs(path: Path) -> None:
    async with open_outbox(path), open_outbox(path) as other:
        await fill(other, "b")
    other.path.write_bytes(b"not a database, and long enough to be seen as none" * 9)
    async with open_outbox(path) as next_one:
        assert next_one.path == path


async def test_there_is_an_end_to_it(path: Path) -> None:
    async with open_outbox(path):
        disks = [OutboxDisk(path) for _ in range(FILES_MAX - 1)]
        for disk in disks:
            disk.open()
        with pytest.raises(OutboxError, match="64 clients of this nick are running"):
            OutboxDisk(path).open()
        for disk in disks:
            disk.close()


# --- the file ------------------------------------------------------------------------


@POSIX
async def test_nobody_but_the_owner_reads_it(path: Path) -> None:
    before = os.umask(0)
    try:
        async with open_outbox(path) as outbox:
            await fill(outbox, "a")
            for each in path.parent.iterdir():
                assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_each_nick_on_each_server_has_its_own_file(tmp_path: Path) -> None:
    paths = {
        outbox_path(tmp_path, address, nick)
        for address in (HERE, Address("chat.example.org", 1), Address("::1", 8765))
        for nick in ("ada", "bob", "ad\\a", "CON", "\u00e4da", "x" * 32)
    }
    assert len(paths) == 18
    for path in paths:
        assert path.parent == tmp_path
        assert len(path.name) < 80
        assert set(path.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789@._-")
    assert outbox_path(tmp_path, HERE, "Ada") == outbox_path(tmp_path, HERE, "ada")
    assert "ada@chat.example.org" in outbox_path(tmp_path, HERE, "ada").name


async def expects_error(path: Path, sentence: str) -> None:
    with pytest.raises(OutboxError, match=sentence):
        async with open_outbox(path):
            pass
    async with open_outbox_if_possible(path) as (outbox, trouble):
        assert type(outbox) is Outbox
        assert sentence in trouble


async def test_a_file_that_is_none_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, and long enough to be seen as none" * 9)
    before = path.read_bytes()
    await expects_error(path, "is not one; it was left as it is")
    assert path.read_bytes() == before


async def test_a_database_of_another_program_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    await expects_error(path, "is a database of another program; it was left as it is")


async def test_a_newer_file_is_left_as_it_is(path: Path) -> None:
    async with open_outbox(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORM.version + 1}")
    connection.close()
    await expects_error(path, "was written by a newer trio_chat")


async def test_where_there_can_be_no_directory_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    await expects_error(tmp_path / "file" / "outbox.db", "can't be used")


async def test_without_a_place_there_is_one_in_memory_and_no_trouble() -> None:
    async with open_outbox_if_possible(None) as (outbox, trouble):
        assert type(outbox) is Outbox
        assert not trouble


# --- a disk that fails ---------------------------------------------------------------


class Failing:
    """Makes the next writes of an outbox fail, before or after they were done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.though_done = False
        honest = OutboxDisk._written

        def written(disk: OutboxDisk, connection: sqlite3.Connection, change: Any) -> Any:
            if not self.times:
                return honest(disk, connection, change)
            self.times -= 1
            if self.though_done:
                honest(disk, connection, change)
                connection.execute("COMMIT")
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(OutboxDisk, "_written", written)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


@pytest.mark.parametrize("though_done", [False, True])
async def test_a_line_that_is_not_kept_is_not_sent(
    path: Path, failing: Failing, though_done: bool, autojump_clock: object
) -> None:
    """Not even if it was written, and only that was not known."""
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        failing.times, failing.though_done = 1, though_done
        with pytest.raises(OutboxError, match="database or disk is full"):
            await fill(outbox, "b")
        assert texts(outbox) == ["a"]
        await trio.sleep(5)
        assert rows(path) == [(1, "a")]
        (ticket,) = await fill(outbox, "c")
        assert ticket.n == (3 if though_done else 2)
        assert texts(outbox) == ["a", "c"]


@pytest.mark.parametrize("though_done", [False, True])
async def test_a_line_that_is_not_forgotten_is_not_taken_back(
    path: Path, failing: Failing, though_done: bool, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a", "b")
        failing.times, failing.though_done = 1, though_done
        with pytest.raises(OutboxError, match="database or disk is full"):
            await outbox.cancel(1)
        assert texts(outbox) == ["a", "b"]
        await trio.sleep(5)
        assert rows(path) == [(1, "a"), (2, "b")]
        await outbox.cancel(1)
    assert rows(path) == [(2, "b")]


async def test_lines_are_held_until_the_disk_can_say_that_they_are_not(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        failing.times = 3
        outbox.release()
        await trio.sleep(1.5)
        assert not list(outbox.after(0))
        await trio.sleep(5)
        assert len(list(outbox.after(0))) == 1


async def test_who_is_refused_is_told_when_the_disk_works_again(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        failing.times = 3
        told: list[Ticket | None] = []
        outbox.refuse(1, "not_joined", "no", told.append)
        await trio.sleep(1.5)
        assert not told
        await trio.sleep(5)
        assert len(told) == 1


def meta(path: Path) -> tuple[str, int, int]:
    """The device in the file, how far it is released, and the last number it has given."""
    connection = sqlite3.connect(path)
    try:
        found = dict(connection.execute("SELECT key, value FROM meta"))
        last = connection.execute("SELECT seq FROM sqlite_sequence").fetchone() or (0,)
        return found["device"], int(found["released"]), last[0]
    finally:
        connection.close()


def lose(path: Path, *, lock: bool) -> None:
    """As a person with a full disk makes space."""
    for each in path.parent.glob(f"{path.name}*"):
        if lock or not each.name.endswith(".lock"):
            each.unlink()


async def fail_once(outbox: FileOutbox, failing: Failing) -> None:
    failing.times = 1
    with pytest.raises(OutboxError, match="database or disk is full"):
        await fill(outbox, "lost")


@pytest.mark.parametrize("lock", [False, True])
async def test_a_file_that_is_gone_is_made_anew_with_all_that_is_known(
    path: Path, failing: Failing, lock: bool, autojump_clock: object
) -> None:
    """Its numbers go on: the server knows some of them."""
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a", "b")
        outbox.release(credit=2)
        await trio.sleep(1)
        outbox.accept(1, 1)
        outbox.hold()
        await fill(outbox, "c")
        await fail_once(outbox, failing)
        lose(path, lock=lock)
        await trio.sleep(5)
        assert rows(path) == [(2, "b"), (3, "c")]
        assert meta(path) == (outbox.device, 2, 3)
        (ticket,) = await fill(outbox, "d")
        assert ticket.n == 4
        async with open_outbox(path) as other:
            assert other.path != path
        device = outbox.device
    async with open_outbox(path) as outbox:
        assert (outbox.device, texts(outbox)) == (device, ["b", "c", "d"])


async def test_numbers_go_on_though_no_line_waits(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a", "b")
        for n in (1, 2):
            outbox.accept(n, n)
        await fail_once(outbox, failing)
        lose(path, lock=False)
        await trio.sleep(5)
        (ticket,) = await fill(outbox, "c")
        assert ticket.n == 3


async def test_a_file_of_somebody_else_in_the_place_of_ours_is_left_as_it_is(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        await fail_once(outbox, failing)
        lose(path, lock=True)
        async with open_outbox(path, open_worker=open_inline_worker) as other:
            assert other.path == path
            await fill(other, "b")
            await trio.sleep(5)
            assert outbox.path == path.with_name("outbox-2.db")
            assert (texts(outbox), rows(outbox.path)) == (["a"], [(1, "a")])
            assert meta(outbox.path)[0] == outbox.device
            assert rows(path) == [(1, "b")]
            await fill(outbox, "c")
    assert rows(outbox.path) == [(1, "a"), (2, "c")]


async def test_an_older_copy_of_the_file_is_brought_up_to_date(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        await outbox.cancel(1)
    older = path.read_bytes()
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "b", "c")
        await outbox.cancel(3)
        await fail_once(outbox, failing)
        lose(path, lock=False)
        path.write_bytes(older)
        await trio.sleep(5)
        assert rows(path) == [(2, "b")]
        assert meta(path) == (outbox.device, 0, 3)


async def test_after_an_error_the_same_handle_is_not_used_again(
    path: Path, failing: Failing, monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    """What a failed sync was to make sure, a later one on the same handle does not."""
    handles: list[sqlite3.Connection] = []
    honest = OutboxDisk._written

    def written(disk: OutboxDisk, connection: sqlite3.Connection, change: Any) -> Any:
        handles.append(connection)
        return honest(disk, connection, change)

    monkeypatch.setattr(OutboxDisk, "_written", written)
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a")
        await fail_once(outbox, failing)
        await fill(outbox, "b")
        assert handles[0] is handles[1]
        assert handles[2] is not handles[1]
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            handles[1].execute("SELECT 1")


async def test_what_is_wanted_at_the_end_of_a_disk_that_failed_is_still_done(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    """In one transaction with all that is known: the file may be another by then."""
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a", "b")
        await fail_once(outbox, failing)
        lose(path, lock=False)
    assert rows(path) == [(1, "a"), (2, "b")]


async def test_an_end_on_a_disk_that_fails_is_an_end(
    path: Path, failing: Failing, autojump_clock: object
) -> None:
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        await fill(outbox, "a", "b", "c")
        outbox.accept(1, 1)
        failing.times = 99
        outbox.refuse(2, "not_joined", "no", id)
    assert [n for n, _ in rows(path)] == [1, 2, 3]


async def test_nobody_waits_for_a_writer_that_met_a_bug(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutboxDisk, "_written", lambda *_: 1 / 0)

    async def two_wait() -> None:
        async with open_outbox(path) as outbox, trio.open_nursery() as nursery:
            nursery.start_soon(expects_closed, outbox)
            nursery.start_soon(expects_closed, outbox)

    with pytest.raises(ZeroDivisionError):
        await two_wait()


async def expects_closed(outbox: FileOutbox) -> None:
    with pytest.raises(OutboxError, match="closed"):
        await outbox.put("lobby", "a", "text")
    with pytest.raises(ClosedError):
        await outbox.put("lobby", "b", "text")


async def test_a_bug_leaves_the_block_as_it_is(path: Path) -> None:
    async def bug() -> None:
        async with open_outbox(path) as outbox:
            await fill(outbox, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await bug()
    assert rows(path) == [(1, "a")]


# --- with a client -------------------------------------------------------------------


async def hears(peer: FakePeer, *said: Say | Direct) -> None:
    for each in said:
        assert await peer.hear(type(each)) == each


async def leave(path: Path, *lines: tuple[str, str]) -> str:
    """A life without a link, in which these were said; its device."""
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, _):
        for room, text in lines:
            await client.post(room, text)
        assert outbox.device is not None
        return outbox.device


async def test_the_next_life_sends_what_was_left_in_its_order_and_then_what_is_new(
    path: Path,
) -> None:
    device = await leave(path, ("lobby", "a"), ("dev", "b"), ("@bob", "c"))
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        assert client.rooms == ("lobby", "dev")
        assert [(await event(client, Queued)).text for _ in "abc"] == ["a", "b", "c"]
        await client.post("lobby", "d")
        peer = await exchange.peer()
        hello = await peer.welcome()
        assert hello.device == device
        assert set(await peer.joins(3)) == {"@", "lobby", "dev"}
        await hears(
            peer,
            Say(room="lobby", n=1, text="a"),
            Say(room="dev", n=2, text="b"),
            Direct(to="bob", n=3, text="c"),
            Say(room="lobby", n=4, text="d"),
        )
        for n in (1, 2, 3, 4):
            await peer.say(Accepted(room="lobby", n=n, seq=n))
        await outbox.emptied()
    assert rows(path) == []


async def test_an_answer_that_was_lost_is_asked_for_under_the_same_number(
    path: Path,
) -> None:
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await client.post("lobby", "a")
        first = await peer.hear(Say)
        device = outbox.device
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        peer = await exchange.peer()
        hello = await peer.welcome()
        await peer.joins()
        assert hello.device == device
        assert await peer.hear(Say) == first
        assert client.state == "online"


async def test_a_line_that_was_taken_back_is_never_said(path: Path) -> None:
    await leave(path, ("lobby", "a"), ("lobby", "oops"))
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        peer = await exchange.peer()
        await client.cancel(2)
        assert await event(client, Cancelled) == Cancelled("lobby", 2, "oops")
        await peer.take_in()
        await client.post("lobby", "c")
        await hears(
            peer, Say(room="lobby", n=1, text="a"), Say(room="lobby", n=3, text="c")
        )
        with pytest.raises(OutboxError, match="may be on its way"):
            await client.cancel(3)


async def test_what_is_typed_after_a_link_broke_can_be_taken_back(path: Path) -> None:
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await client.post("lobby", "a")
        await peer.hear(Say)
        exchange.refuses = True
        await peer.hang_up()
        with trio.fail_after(PATIENCE_S):
            while client.state == "online":
                await trio.lowlevel.checkpoint()
        await client.post("lobby", "b")
        await client.cancel(2)
        with pytest.raises(OutboxError, match="may be on its way"):
            await client.cancel(1)


async def test_a_refused_line_comes_back_with_the_reason(path: Path) -> None:
    await leave(path, ("dev", "a"))
    async with open_outbox(path) as outbox, open_fake(outbox=outbox) as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins(3)
        await peer.say(Room(room="lobby", after=0, head=0))
        await peer.hear(Say)
        await peer.say(messages.Refused(code="not_joined", reason="no", room="dev", n=1))
        refused = await event(client, Refused)
        assert (refused.text, refused.reason, refused.n) == ("a", "no", 1)
        assert rows(path) == []


async def test_a_device_of_ones_own_does_not_go_with_numbers_of_another(
    path: Path,
) -> None:
    async with open_outbox(path) as outbox:
        with pytest.raises(ValueError, match="the outbox has numbers of another device"):
            async with open_fake(outbox=outbox, device="d"):
                pass


async def test_a_device_without_the_outbox_that_has_its_numbers_is_no_identity() -> None:
    """Its lines would begin at 1 again: they are taken for old ones, or refused."""
    with pytest.raises(ValueError, match="numbers"):
        async with open_fake(device="d"):
            pass
    async with open_fake(outbox=Outbox(first_n=7), device="d") as (client, exchange):
        client.post_nowait("lobby", "g")
        peer = await exchange.peer()
        assert (await peer.welcome()).device == "d"
        await peer.joins()
        assert (await peer.hear(Say)).n == 7
