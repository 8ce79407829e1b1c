"""The day, from its first line to its last: who does what, and what they have to see."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from simulator.processes import ServerProcess, open_server_process
from simulator.proxy import Proxy, open_proxy
from tests.day.crowd import Crowd, open_crowd
from tests.day.person import CLI, NARROW, SIZE, Person, open_person
from tests.day.phone import Phone, heads_of, open_phone
from trio_chat.addresses import Address

ROOMS: Final = ("lobby", "dev", "ops")
PASTED: Final = "\n".join(f"{n:03} of what the machine has said" for n in range(1, 201))
PLAN: Final = "the plan for tonight is, first of al"
HALF: Final = "and then somebody pulled the pl"
LONG: Final = "we should not say that in front of the others, or they will ta"
ASIDE: Final = "not in front of the oth"
_PERSON: Final = "ada's laptop and her telephone"


@dataclass(frozen=True, slots=True)
class Day:
    """Who and what is there."""

    server: ServerProcess
    server_at: Address
    net: Proxy
    ada: Person
    bob: Person
    phone: Phone
    """Ada's."""
    crowd: Crowd
    look: Callable[[Person], None]
    """Told when there is something to see, for who looks at it."""


@asynccontextmanager
async def open_day(
    home: Path,
    command: Sequence[str] = CLI,
    look: Callable[[Person], None] = lambda _: None,
) -> AsyncIterator[Day]:
    """A server, two people who are not there yet, and a crowd that is."""
    async with open_server_process() as server:
        address = await server.start()
        async with (
            open_proxy(lambda: address) as net,
            open_crowd(address, ROOMS) as crowd,
            open_phone(address, "ada_phone", _PERSON, ROOMS) as phone,
        ):
            ways = [await net.listen(nick) for nick in ("ada", "bob")]
            homes = [home / "ada", home / "bob"]
            for each in homes:
                each.mkdir()
            mine = "--person", _PERSON
            async with (
                open_person("ada", homes[0], ways[0], *mine, command=command) as ada,
                open_person("bob", homes[1], ways[1], command=command) as bob,
            ):
                yield Day(server, address, net, ada, bob, phone, crowd, look)


async def morning(day: Day) -> None:
    """They come, and see what was said; ada begins a line in #ops, and leaves it there."""
    for room in ROOMS:
        await day.crowd.say(room, 5)
    for person in (day.ada, day.bob):
        await person.come()
        for room in ROOMS:
            await person.look_at(room)
            await person.until_seen(f"{room} 5:")
    await day.ada.type(PLAN)
    await day.ada.until_prompt(f"> {PLAN}")
    for person in (day.ada, day.bob):
        await person.look_at_with_key("lobby")
        await person.until_prompt(">")
        await person.until_status("^(?!.*#dev)")
    await day.ada.say("good morning")
    await day.bob.until_seen("<ada> good morning")
    await day.bob.say("/reply and to you")
    await day.ada.until_seen("good morning] and to you")


async def elsewhere(day: Day) -> None:
    """What is said in other rooms is counted, to the line, and who is called is told."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(day.crowd.say, "dev", 7)
        nursery.start_soon(day.crowd.say, "ops", 11)
        nursery.start_soon(day.crowd.say, "lobby", 8)
    await day.crowd.call("ada", "ops")
    await day.ada.until_status(r"#dev 7\b.*#ops 12 @1\b")
    await day.bob.until_status(r"#dev 7\b.*#ops 12$")
    day.look(day.ada)


async def paste(day: Day) -> None:
    """Two hundred lines: one entry, and what it is is told before it goes."""
    await day.bob.type(f"\x1b[200~{PASTED}\x1b[201~")
    await day.bob.until_seen("200 lines, 6.4 KB: Enter sends it as one message")
    await day.bob.until(lambda: day.bob.prompt.endswith("200 of what the machine has said"))
    day.look(day.bob)
    await day.bob.say("")
    for person in (day.ada, day.bob):
        await person.until_seen("      200 of what")
        await person.until_prompt(">")


async def restart(day: Day) -> None:
    """The server is killed in the middle of a talk; what is typed meanwhile waits."""
    begun = day.crowd.said["lobby"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(day.crowd.say, "lobby", 6)
        await day.ada.until_printed(f"lobby {begun + 3}:")
        await day.server.kill()
        nursery.start_soon(day.crowd.say, "lobby", 6)
        nursery.start_soon(day.crowd.say, "dev", 6)
        for person in (day.ada, day.bob):
            await person.until_status("^offline")
            for n in (1, 2):
                await person.say(f"{person.nick} has {n} to say meanwhile")
                await person.until_status(rf"\b{n} queued")
        day.look(day.bob)
        await day.server.start()
    for person in (day.ada, day.bob):
        for each in (day.ada, day.bob):
            await person.until_printed(f"<{each.nick}> {each.nick} has 2 to say meanwhile")
        await person.until_printed(f"lobby {begun + 12}:")
        await person.until_status("^online")
        await person.until_prompt(">")
    await day.ada.until_status(r"#dev 13\b.*#ops 12 @1\b")


async def cut(day: Day) -> None:
    """Ada's network is gone for a while: she is told so, and then what was said."""
    day.net.refuse("ada")
    day.net.cut("ada")
    await day.ada.until_status("^offline")
    await day.ada.say("is anybody there?")
    await day.ada.until_seen("\u2026 is anybody there?")
    day.look(day.ada)
    await day.crowd.say("lobby", 15)
    await day.crowd.say("ops", 3)
    day.net.accept("ada")
    await day.ada.until_status(r"^online.*#dev 13\b.*#ops 15 @1\b")
    for person in (day.ada, day.bob):
        await person.until_printed("<ada> is anybody there?")
    await day.ada.until_printed("15 new while you were away")
    day.look(day.ada)


async def sleep(day: Day) -> None:
    """Bob closes his laptop, and the network forgets it; he opens it again."""
    day.bob.fall_asleep()
    day.net.cut("bob")
    await day.crowd.say("lobby", 14)
    await day.ada.say("bob, are you there?")
    await day.ada.until_printed("<ada> bob, are you there?")
    day.bob.wake_up()
    await day.bob.until_printed("<ada> bob, are you there?")
    await day.bob.until_status("^online")
    day.look(day.bob)


async def narrow(day: Day) -> None:
    """A window of 40x10 and back, a line of two rows in it, while others talk."""
    ada = day.ada
    await ada.type(LONG)
    await ada.until_prompt(f"> {LONG}")
    await ada.resize(NARROW)
    await day.crowd.say("lobby", 6)
    await ada.until_printed(f"lobby {day.crowd.said['lobby']}:")
    await ada.until_prompt(f"  {LONG[38:]}")
    await ada.until_status(r"^online.*#ops 15 @1\b")
    day.look(ada)
    await ada.resize(SIZE)
    await day.crowd.say("lobby", 2)
    await ada.until_printed(f"lobby {day.crowd.said['lobby']}:")
    await ada.until_prompt(f"> {LONG}")
    await ada.until_status(r"\d here\b.*#dev 13\b.*#ops 15 @1\b")
    await ada.until(lambda: len(ada.rows) == SIZE[1])
    day.look(ada)


async def catching_up(day: Day) -> None:
    """Alt-A goes where she was called, and the line that she began is there."""
    ada = day.ada
    await ada.type("\x1ba")
    await ada.until_printed("#ops \u2500\u2500 15 new while you were away, 1 for you")
    await ada.until(lambda: ada.prompt == f"> {PLAN}" and "#ops \u00b7" in ada.status)
    await ada.until_status(r"#dev 13$")
    day.look(ada)
    await ada.type("\x1ba")
    await ada.until_printed("#dev \u2500\u2500 13 new while you were away")
    await ada.until_prompt(">")
    await ada.until_status("\u00b7 ada$")
    await day.phone.until_read(await heads_of(day.server_at, ROOMS))


async def kill(day: Day) -> None:
    """Ada's client dies with half a line in it; in its next life that line is there."""
    ada = day.ada
    await ada.type(HALF)
    await ada.until_kept(HALF)
    await ada.die()
    await day.crowd.say("dev", 4)
    await day.crowd.say("lobby", 3)
    await day.crowd.call("ada", "ops")
    await ada.come()
    await ada.until_status(r"^online.*#lobby 3\b.*#ops 1 @1$")
    await ada.until_printed("4 new while you were away")
    ada.has_draft(HALF)
    day.look(ada)
    await ada.say("ug")
    await day.bob.until_status(r"#dev 18\b.*#ops 16$")


async def evening(day: Day) -> None:
    """Bob goes, and comes again for a line that he had begun; then all go home."""
    ada, bob = day.ada, day.bob
    await bob.look_at("ops")
    await bob.type(ASIDE)
    await bob.until_prompt(f"> {ASIDE}")
    await bob.look_at_with_key("lobby")
    await bob.quit()
    await day.crowd.say("lobby", 5)
    await bob.come()
    await bob.until_printed("5 new while you were away")
    await bob.until_status(r"#dev 18$")
    day.look(bob)
    for person in (ada, bob):
        for room in ROOMS:
            await person.look_at_with_key(room)
            await person.until_status(f"#{room} \u00b7")
    await bob.look_at_with_key("ops")
    await bob.until_prompt(f"> {ASIDE}")
    await ada.look_at_with_key("ops")
    await ada.until_prompt(f"> {PLAN}")
    await ada.say("l: we sleep")
    for person in (ada, bob):
        await person.until_printed(f"{PLAN}l: we sleep")
        await person.until_status(f"\u00b7 {person.nick}$")
    await day.phone.until_read(await heads_of(day.server_at, ROOMS))
    await bob.look_at_with_key("lobby")
    for person in (ada, bob):
        await person.quit()
    await bob.until_kept(ASIDE)


CHAPTERS: Final = (
    *(morning, elsewhere, paste, restart, cut, sleep, narrow, catching_up, kill, evening),
)
