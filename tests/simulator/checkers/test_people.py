"""Presence, names, absences, restarts: who is there, by what everyone was told."""

import pytest

from simulator.history import (
    Down,
    Fault,
    Gone,
    Killed,
    Record,
    Renamed,
    Restarted,
    Resumed,
    Settled,
    Stalled,
    Stranger,
    TurnedAway,
    Up,
)
from tests.simulator.checkers.book import (
    ROOM,
    closed,
    cut,
    found,
    idles,
    joined,
    left,
    linked,
    members,
    opened,
    saw,
)

TWO: list[Record] = [
    linked("ada"),
    linked("ben"),
    opened("ada"),
    members("ada", "ada"),
    opened("ben"),
    members("ben", "ada", "ben"),
    joined("ada", "ben", 0.7),
]
"""Ada and Ben are in a room, and know it."""
CYD: list[Record] = [
    linked("cyd"),
    opened("cyd", at_s=0.8),
    members("cyd", "ada", "ben", "cyd", at_s=0.8),
    joined("ada", "cyd", 0.8),
    joined("ben", "cyd", 0.8),
]
"""Cyd comes too."""


def ended(*records: Record) -> list[Record]:
    """All of them are there, this happens, and all comes to rest."""
    return [*TWO, *CYD, *records, Settled(900.0)]


def away(bot: str, from_s: float, to_s: float) -> tuple[list[Record], list[Record]]:
    """A bot reads until this second, loses its connection, and is back in that one."""
    gone: list[Record] = [saw(bot, 1, "x", "x", at_s=from_s), cut(bot, from_s)]
    return gone, [linked(bot, to_s), opened(bot, 1, 1, at_s=to_s)]


# --- P9: in the end everyone knows who is there --------------------------------------


def test_lists_that_are_true_are_ok() -> None:
    """By lists, by news, after leaving and coming."""
    assert found("presence", ended())[0] == "ok"
    cyd_left = [closed("cyd"), left("ada", "cyd", 4.1), left("ben", "cyd", 4.1)]
    assert found("presence", ended(*cyd_left))[0] == "ok"


def test_a_ghost_is_found() -> None:
    """Cyd is gone, and Ben was never told."""
    records = ended(cut("cyd", 5.0), left("ada", "cyd", 5.1))
    assert found("presence", records) == ("violated", (joined("ben", "cyd", 0.8),))


def test_somebody_whom_nobody_mentions_is_found() -> None:
    """Cyd is there, and Ben was never told."""
    records = [each for each in ended() if each != joined("ben", "cyd", 0.8)]
    proof = members("ben", "ada", "ben"), opened("cyd", at_s=0.8)
    assert found("presence", records) == ("violated", proof)


def test_who_was_not_given_a_list_after_coming_back_is_found() -> None:
    """What it knew before may be anything by now."""
    gone, back = away("cyd", 5.0, 6.0)
    records = ended(*gone, *back)
    assert found("presence", records) == ("violated", (opened("cyd", 1, 1, at_s=6.0),))


def test_who_hardly_reads_is_not_asked_who_is_there() -> None:
    """Its news wait for it; but the others know that it is there."""
    stalled = Stalled(5.0, "ben", lives=True, others_within_s=1.0)
    cyd_left = [closed("cyd"), left("ada", "cyd", 5.1)]
    assert found("presence", ended(stalled, *cyd_left))[0] == "ok"
    assert found("presence", ended(stalled, *cyd_left, Resumed(6.0, "ben")))[0] == (
        "violated"
    )


def test_a_stranger_may_be_there_or_not() -> None:
    """Nobody wrote down whether it is."""
    stranger: list[Record] = [Stranger(1.0, "eve"), joined("ada", "eve", 1.0)]
    assert found("presence", ended(*stranger))[0] == "ok"


def test_presence_is_asked_only_of_stories_that_come_to_rest() -> None:
    """In the middle of things a list may be late."""
    assert idles("presence", TWO)
    assert found("presence", [linked("ada"), opened("ada"), Settled(9.0)])[0] == "unknown"


# --- P9: everyone is told the same ---------------------------------------------------


@pytest.mark.parametrize(
    ("news", "earlier"),
    [
        (joined("ada", "ben", 2.0), joined("ada", "ben", 0.7)),
        (left("ada", "dan", 2.0), members("ada", "ada")),
        (Renamed(2.0, "ada", ROOM, "dan", "eve"), members("ada", "ada")),
        (Renamed(2.0, "ada", ROOM, "cyd", "ben"), joined("ada", "ben", 0.7)),
    ],
)
def test_news_that_can_not_be_true_are_found(news: Record, earlier: Record) -> None:
    """Nobody comes who is there, and nobody goes who is not."""
    assert found("told", ended(news)) == ("violated", (earlier, news))


def test_a_list_with_somebody_twice_is_found() -> None:
    """A name is one person."""
    twice = members("ada", "ada", "ben", "ben", at_s=3.0)
    assert found("told", ended(twice)) == ("violated", (twice,))


def test_news_in_another_order_are_found() -> None:
    """Both end with the same list, and were told two stories."""
    ada = [left("ada", "cyd", 2.0), joined("ada", "dan", 2.1)]
    ben = [joined("ben", "dan", 2.1), left("ben", "cyd", 2.2)]
    proof = joined("ada", "dan", 2.1), left("ben", "cyd", 2.2)
    assert found("told", ended(closed("cyd"), *ada, *ben)) == ("violated", proof)


def test_who_was_given_a_list_in_between_knows_the_end_of_the_story() -> None:
    """It was told less than the others, and nothing else."""
    news = [left("ada", "cyd", 5.0), joined("ada", "cyd", 6.0), joined("ada", "dan", 7.0)]
    ben = [members("ben", "ada", "ben", "cyd", at_s=6.5), joined("ben", "dan", 7.0)]
    assert found("told", ended(closed("cyd"), *news, *ben))[0] == "ok"


def test_news_before_the_list_that_was_asked_for_are_of_no_account() -> None:
    """They are about a list that is not known any more."""
    records = [*TWO, opened("ada", at_s=3.0), left("ada", "zoe", 3.1)]
    assert found("told", records)[0] == "ok"


# --- P9: nobody is told to be gone who was there -------------------------------------


def test_who_is_told_to_be_gone_and_was_there_is_found() -> None:
    """Ada never lost her connection, nor left."""
    news = [left("ben", "ada", 100.0), joined("ben", "ada", 101.0)]
    records = ended(*news)
    assert found("absent", records) == ("violated", (members("ben", "ada", "ben"), news[0]))


def test_who_vanishes_from_a_list_and_was_there_is_found() -> None:
    """A list is news, too."""
    short = members("ben", "ben", "cyd", at_s=100.0)
    assert found("absent", ended(short)) == (
        "violated",
        (members("ben", "ada", "ben"), short),
    )


@pytest.mark.parametrize(
    "cause", [cut("ada", 99.0), closed("ada", 99.0), Killed(99.0, "ada"), Gone(99.0, "ada")]
)
def test_who_was_away_may_be_told_to_be_gone(cause: Record) -> None:
    """Also a moment before its own client noticed, and a moment after it was back."""
    assert found("absent", ended(cause, left("ben", "ada", 99.5)))[0] == "ok"
    late = [cause, opened("ada", at_s=110.0), left("ben", "ada", 140.0)]
    assert found("absent", ended(*late))[0] == "ok"


def test_an_old_absence_is_no_excuse() -> None:
    """It was over long ago."""
    gone, back = away("ada", 50.0, 70.0)
    news = left("ben", "ada", 400.0)
    assert found("absent", ended(*gone, *back, news))[0] == "violated"


def test_who_hardly_reads_notices_too_late_to_be_asked_about() -> None:
    """Its own account of what happened is not to be relied on."""
    stalled = Stalled(50.0, "ada", lives=False, others_within_s=1.0)
    assert found("absent", ended(stalled, left("ben", "ada", 100.0)))[0] == "ok"


def test_absences_are_asked_about_only_when_all_has_come_to_rest() -> None:
    """Until then somebody may not have noticed yet."""
    assert idles("absent", [*TWO, left("ben", "ada", 100.0)])


# --- P8: a short absence -------------------------------------------------------------


def test_a_short_absence_that_is_told_is_found() -> None:
    """With why it was away, what was told, and that it was back."""
    gone, back = away("ada", 50.0, 53.0)
    news = left("ben", "ada", 50.1)
    records = ended(*gone, news, *back)
    assert found("grace", records) == ("violated", (gone[1], news, back[1]))
    assert found("absent", records)[0] == "ok"


def test_what_a_network_held_up_is_no_sign_of_life() -> None:
    """All that the server had said came at once, and with it the end."""
    held = Fault(20.0, "nothing gets to ada", holds=True)
    whole = Fault(49.0, "the network is whole", holds=True)
    news = left("ben", "ada", 50.2)
    for faults, early_s, answer in (
        ([held, whole], 20.0, "unknown"),  # it may have been away for half a minute
        ([held, whole], 46.0, "violated"),  # it was heard of a moment before
        ([Fault(20.0, "ada is cut off")], 20.0, "violated"),  # which holds up nothing
    ):
        gone, back = away("ada", 50.0, 50.5)
        early = saw("ada", 1, "x", "x", at_s=early_s)
        story: list[Record] = sorted((early, *faults), key=lambda each: each.at_s)
        records = ended(*story, *gone, news, *back)
        assert found("grace", records)[0] == answer, faults


def test_a_killed_client_that_is_back_at_once_was_away_for_a_short_time() -> None:
    """The device is the same, and so is the person."""
    life: list[Record] = [
        saw("ada", 1, "x", "x", 50.0),
        Killed(50.0, "ada"),
        Restarted(52.0, "ada"),
    ]
    back = opened("ada", 0, 1, at_s=52.5)
    news = left("ben", "ada", 50.1)
    proof = Killed(50.0, "ada"), news, back
    assert found("grace", ended(*life[:2], news, life[2], back)) == ("violated", proof)


def test_a_short_absence_that_nobody_hears_of_is_ok() -> None:
    """Nor does a list forget somebody meanwhile."""
    gone, back = away("ada", 50.0, 53.0)
    assert found("grace", ended(*gone, *back))[0] == "ok"


def test_a_long_absence_may_be_told() -> None:
    """As may one of somebody's own will."""
    short, again = away("cyd", 30.0, 32.0)
    gone, back = away("ada", 50.0, 65.0)
    story = [*short, *again, *gone, left("ben", "ada", 60.0), *back]
    assert found("grace", ended(*story))[0] == "ok"
    will = [closed("ada", 50.0), left("ben", "ada", 50.1), opened("ada", 0, 0, at_s=51.0)]
    assert found("grace", ended(*short, *again, *will))[0] == "ok"


def test_without_a_short_absence_there_is_nothing_to_ask() -> None:
    """As in most stories."""
    assert idles("grace", ended())
    assert idles("restart", ended())


# --- P8: names -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "news",
    [
        members("ben", "ada", "ada_"),
        joined("ben", "ada_", 2.0),
        left("ben", "ada_", 2.0),
        Renamed(2.0, "ben", ROOM, "ada", "ada_"),
    ],
)
def test_a_name_that_is_nobodys_is_found(news: Record) -> None:
    """Nobody becomes alice_."""
    assert found("names", ended(news)) == ("violated", (news,))
    assert found("names", ended(Stranger(1.0, "ada_"), news))[0] == "ok"


def test_who_comes_back_and_can_not_have_its_name_is_found() -> None:
    """Who never had it may be told so."""
    taken = TurnedAway(9.0, "ada", "the nick is taken")
    assert found("names", ended(taken)) == ("violated", (linked("ada"), taken))
    assert found("names", ended(TurnedAway(9.0, "dan", "taken")))[0] == "ok"


# --- P10: restarts -------------------------------------------------------------------


def restart(
    to_s: float, *, kindly: bool = True, retry_in_s: tuple[float, ...] = (1.0, 2.0, 3.0)
) -> tuple[list[Record], list[Record]]:
    """The server goes in second 50, with all connections; then all are back."""
    read: list[Record] = [saw(bot, 1, "x", "x", 49.9) for bot in ("ada", "ben", "cyd")]
    bots = zip(("ada", "ben", "cyd"), retry_in_s, strict=True)
    cuts: list[Record] = [cut(bot, 50.0, each) for bot, each in bots]
    back: list[Record] = [Up(to_s)]
    for bot in ("ada", "ben", "cyd"):
        back += [linked(bot, to_s), opened(bot, 1, 1, at_s=to_s)]
    return [*read, Down(50.0, kindly), *cuts], back


def test_a_restart_that_makes_noise_is_found() -> None:
    """Who comes back first finds an empty room, and then all the others come in."""
    down, back = restart(52.0)
    alone = members("ada", "ada", at_s=52.0)
    records = ended(*down, *back, alone)
    proof = cut("ben", 50.0, 2.0), alone, opened("ben", 1, 1, at_s=52.0)
    assert found("restart", records) == ("violated", proof)
    assert found("grace", records)[0] == "unknown"  # nothing else was short


@pytest.mark.parametrize("kindly", [True, False])
def test_a_restart_without_noise_is_ok(kindly: bool) -> None:
    """Also after a crash."""
    down, back = restart(52.0, kindly=kindly)
    whole = members("ada", "ada", "ben", "cyd", at_s=52.0)
    assert found("restart", ended(*down, *back, whole))[0] == "ok"


def test_a_long_restart_may_make_noise() -> None:
    """The grace is over."""
    down, back = restart(70.0)
    assert idles("restart", ended(*down, *back, members("ada", "ada", at_s=70.0)))


def test_who_is_sent_away_and_comes_back_is_ok() -> None:
    """Each at another time; a crash sends nobody away."""
    down, back = restart(52.0)
    assert found("goodbye", ended(*down, *back))[0] == "ok"
    down, back = restart(52.0, kindly=False)
    assert idles("goodbye", ended(*down, *back))


def test_who_is_sent_away_and_does_not_come_back_is_found() -> None:
    """Whether it heard of it or not."""
    down, back = restart(52.0)
    missing = [each for each in back if each != linked("cyd", 52.0)]
    proof = Down(50.0, kindly=True), cut("cyd", 50.0, 3.0)
    assert found("goodbye", ended(*down, *missing)) == ("violated", proof)
    deaf = [each for each in down if each != cut("cyd", 50.0, 3.0)]
    assert found("goodbye", ended(*deaf, *missing)) == ("violated", proof[:1])


def test_a_story_that_is_over_too_soon_does_not_say_whether_they_come_back() -> None:
    """It has not come to rest."""
    down, _ = restart(52.0)
    assert found("goodbye", [*TWO, *CYD, *down])[0] == "unknown"


@pytest.mark.parametrize(
    ("crowd", "last_s", "answer"), [(5, 2.0, "violated"), (5, 2.5, "ok"), (4, 2.0, "ok")]
)
def test_a_crowd_that_is_to_come_back_in_the_same_instant_is_found(
    crowd: int, last_s: float, answer: str
) -> None:
    """Some may be chance; five are a herd."""
    bots = [f"bot{number}" for number in range(crowd)]
    times_s = [2.0] * (crowd - 1) + [last_s]
    down = Down(50.0, kindly=True)
    cuts = [cut(*each) for each in zip(bots, [50.0] * crowd, times_s, strict=True)]
    story: list[Record] = [*map(linked, bots), down, *cuts, Up(52.0)]
    back = [linked(bot, 53.0) for bot in bots]
    finding = found("goodbye", [*story, *back, Settled(900.0)])
    assert finding == (answer, (down, *cuts[:2]) if answer == "violated" else ())
