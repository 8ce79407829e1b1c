"""The command line: what was asked, with which settings, and how it ended."""

import argparse
import gc
import getpass
import random
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import platformdirs
import trio
from structlog.typing import FilteringBoundLogger

from trio_chat import __version__
from trio_chat.addresses import DEFAULT_ROOM, Address
from trio_chat.config import Setting
from trio_chat.errors import (
    RefusedError,
    SettingError,
    StoreOpenError,
    TrioChatError,
    lone_exception,
)
from trio_chat.protocol import names
from trio_chat.sanitise import as_lines
from trio_chat.server import Limits, Running, address_of, listen, serve
from trio_chat.server.console import open_console
from trio_chat.settings import (
    APP,
    CONFIG_VARIABLE,
    JOIN_SETTINGS,
    SERVE_SETTINGS,
    check_config,
    config_path,
    habits_of,
    settings_of,
    whole_config,
)
from trio_chat.signals import ENDING, TELLING, open_signals, until_ending
from trio_chat.store import (
    Found,
    MemoryStore,
    SqliteStore,
    Store,
    open_sqlite_store,
)
from trio_chat.store.backup import backup
from trio_chat.store.verify import Verdict, verify

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

IN_MEMORY: Final = ":memory:"
_DAY_S: Final = 86_400
_COLLECT_EVERY: Final = (10_000, 20, 20)

_EPILOG: Final = """\
examples:
  python -m trio_chat serve                          a server on 127.0.0.1:8765
  python -m trio_chat serve --host 0.0.0.0 --port 0  for the whole network, any free port
  python -m trio_chat join                           chat on it, in your terminal
  python -m trio_chat join chat.example.org --nick ada --room dev

Every setting is also a variable (TRIO_CHAT_PORT) and a key in the configuration file
({config}, under [serve] or [join]); flags come first, then variables, then the file.
`config` prints a file with all of them, and checks yours.
"""

_SERVE_EPILOG: Final = """\
examples:
  python -m trio_chat serve
  python -m trio_chat serve --data team.db --host 0.0.0.0
  python -m trio_chat serve --port 0 --data :memory: --log-format json
"""

_VERIFY_EPILOG: Final = """\
examples:
  python -m trio_chat verify team.db

It may be the file of a live server, and is only read. Every room is read from the first
entry that is kept to the last: numbers, identities, and the hashes that chain them. It ends
with 0 if all is whole, and with 1 if not, after a line for each room that is damaged.
"""

_BACKUP_EPILOG: Final = """\
examples:
  python -m trio_chat backup team.db team-monday.db

The server need not be stopped. The copy is of one moment, is verified, and can be served as
it is: whoever was on the original is told that the past is another one.
"""

_CONFIG_EPILOG: Final = """\
examples:
  python -m trio_chat config > config.toml
  python -m trio_chat config --check config.toml

Without a flag it prints a file with every setting, what it is for, and its default. The
file in force is the one that {variable} names, or
{config}. --check ends with 2 if anything in it is wrong.
"""

_JOIN_EPILOG: Final = """\
examples:
  python -m trio_chat join
  python -m trio_chat join [::1]:8765 --nick ada --room dev
  uptime | python -m trio_chat join --plain --nick status
  python -m trio_chat join --plain --json --listen </dev/null

With --plain every line of standard input that is not empty is sent, and each entry of the
room is printed; status and errors go to standard error. It waits for the server as long
as it takes, and ends with 0 only after the server has accepted every line. Told to end
before, it ends with 75: the rest waits on this machine, and the next `join` of this nick
on this server sends it. Else it ends with 1: standard error says what was not accepted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code.

    Shape:  0 done, 1 failed (one line on stderr says why), 2 wrong usage, 130 Ctrl-C.
    """
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # Said by the command that was meant, with its own flags in the usage.
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        command = _COMMANDS[options.command]
        return command(options)
    except SettingError as error:
        _say(f"{error}")
        return EXIT_USAGE
    except TrioChatError as error:
        _say(f"{error}")  # a server may have worded it
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_FAILED  # whoever read the output has gone, and needs no explanation
    except OSError as error:
        _say(f"the output can't be written: {error.strerror or error}")
        return EXIT_FAILED


# --- serve ---------------------------------------------------------------------------


def _serve(options: argparse.Namespace) -> int:
    settings = settings_of("serve", vars(options), options.config)
    _spare_the_collector()
    trio.run(_serve_until_told, settings, options.verbose, options.new_epoch)
    return EXIT_OK


def _spare_the_collector() -> None:
    # Nearly all that a server makes goes as soon as nobody has it any more. What leads back
    # to itself is a lost link now and then; to look for that among all that was imported,
    # and after every 700 objects, is a tenth of the work of a room that talks.
    gc.freeze()
    gc.set_threshold(*_COLLECT_EVERY)


async def _serve_until_told(
    settings: dict[str, Any], verbose: bool, new_epoch: bool
) -> None:
    limits = Limits(
        history_entries=settings["history"],
        keep_entries=settings["keep_entries"],
        keep_s=settings["keep_days"] and settings["keep_days"] * _DAY_S,
        heartbeat_s=settings["heartbeat_s"],
        drain_s=settings["drain_s"],
    )
    data = settings["data"] or _default_data()
    with (
        lone_exception(),
        open_signals(*ENDING, *TELLING) as signals,
        open_console(settings["log_format"], verbose=verbose) as log,
    ):
        begun_s = trio.current_time()
        opening = _open_store(data, new_epoch=new_epoch)
        async with opening as store, trio.open_nursery() as nursery:
            took_s = trio.current_time() - begun_s
            listeners = await listen(settings["host"], settings["port"])
            pages = await _listen_for_metrics(settings["metrics"])
            start = partial(
                serve,
                listeners,
                store,
                log=log,
                new_secret=partial(secrets.token_hex, 16),
                rng=random.Random(),
                limits=limits,
            )
            running: Running = await nursery.start(_then_cancel, start, nursery)
            for listener in listeners:
                _tell_asker(f"listening on {address_of(listener)}")
            sys.stdout.flush()
            log.info("storing", data=data)
            if isinstance(store, SqliteStore):
                _tell(log, store.found, data, took_s)
            if pages:
                _serve_metrics(nursery, pages, running, log)
            await until_ending(signals, running.tell_figures)
            running.drain()
            await until_ending(signals, running.tell_figures)
            raise KeyboardInterrupt  # told twice: at once, then


async def _listen_for_metrics(address: Address | None) -> list[trio.SocketListener]:
    if address is None:
        return []
    return await listen(address.host, address.port, "--metrics")


def _serve_metrics(
    nursery: trio.Nursery,
    pages: list[trio.SocketListener],
    running: Running,
    log: FilteringBoundLogger,
) -> None:
    from trio_chat.server import metrics  # noqa: PLC0415 (only who wants it pays for it)

    nursery.start_soon(metrics.serve_metrics, pages, running.look, log)
    for page in pages:
        log.info("metrics", url=f"http://{address_of(page)}{metrics.PATH}")


async def _then_cancel(
    start: Any,
    nursery: trio.Nursery,
    *,
    task_status: trio.TaskStatus[Running],
) -> None:
    await start(task_status=task_status)
    nursery.cancel_scope.cancel()


@asynccontextmanager
async def _open_store(data: str, *, new_epoch: bool) -> AsyncIterator[Store]:
    if data == IN_MEMORY:
        yield MemoryStore(epoch=secrets.token_hex(8))
        return
    async with open_sqlite_store(Path(data), new_epoch=new_epoch) as store:
        yield store


def _tell(log: FilteringBoundLogger, found: Found, data: str, took_s: float) -> None:
    if found.migrated is not None:
        log.info("migrated", data=data, entries=found.migrated, took_s=took_s)
    if found.another_past:
        log.info("another past", reason=found.another_past)


def _default_data() -> str:
    try:
        return str(platformdirs.user_data_path(APP, False, ensure_exists=True) / "chat.db")
    except OSError as error:
        raise StoreOpenError(
            f"no place for the data file: {error}; name one with --data"
        ) from error


# --- join ----------------------------------------------------------------------------


def _join(options: argparse.Namespace) -> int:
    settings = settings_of("join", vars(options), options.config)
    settings["nick"] = settings["nick"] or _login_name()
    if options.plain:
        return _join_plain(settings, options)
    if options.json or options.listen:
        raise SettingError("--json and --listen go with --plain")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError(
            "there is no terminal here: for pipes and scripts there is `join --plain`"
        )
    from trio_chat.ui import app  # noqa: PLC0415 (a server has no use for a terminal)

    return app.run(
        settings["server"],
        nick=settings["nick"],
        room=settings["room"],
        history=settings["history"],
        person=settings["person"],
        state_dir=_state_dir(),
        habits=habits_of(settings),
    )


def _join_plain(settings: dict[str, Any], options: argparse.Namespace) -> int:
    from trio_chat.client.outbox_file import outbox_path  # noqa: PLC0415 (as above)
    from trio_chat.plain import PlainOptions, plain  # noqa: PLC0415 (as above)

    plain_options = PlainOptions(
        nick=settings["nick"],
        room=settings["room"] or DEFAULT_ROOM,
        history=settings["history"],
        json=options.json,
        listen=options.listen,
        outbox=outbox_path(_state_dir(), settings["server"], settings["nick"]),
        person=settings["person"],
    )
    return trio.run(plain, settings["server"], plain_options)


def _state_dir() -> Path:
    return platformdirs.user_state_path(APP, False)


def _login_name() -> str:
    """The login name as a nick, as far as it can be one."""
    try:
        login = getpass.getuser()
        return names.nick(login)
    except (OSError, KeyError, ImportError, RefusedError):
        return "guest"


# --- verify and backup ---------------------------------------------------------------


def _verify(options: argparse.Namespace) -> int:
    return _told(verify(Path(options.data)), options.data)


def _backup(options: argparse.Namespace) -> int:
    verdict = backup(Path(options.data), Path(options.to))
    _tell_asker(f"{options.to} is a copy of {options.data}")
    return _told(verdict, options.to)


def _told(verdict: Verdict, data: str) -> int:
    """Say what was found; the exit code."""
    for fault in verdict.faults:
        _tell_asker(f"{data}: {fault}")
    if not verdict.whole:
        _say(f"{data} is not whole")
        return EXIT_FAILED
    gone = f", {verdict.trimmed:,} are no longer kept" if verdict.trimmed else ""
    entries = "1 entry" if verdict.entries == 1 else f"{verdict.entries:,} entries"
    logs = "1 log" if verdict.logs == 1 else f"{verdict.logs:,} logs"
    _tell_asker(f"{data} is whole: {entries} in {logs}{gone}")
    return EXIT_OK


# --- config --------------------------------------------------------------------------


def _config(options: argparse.Namespace) -> int:
    if options.path:
        _tell_asker(f"{config_path()}")
    elif options.check is not None:
        return _check_config(options.check or None)
    else:
        _tell_asker(*whole_config().splitlines())
    return EXIT_OK


def _check_config(named: str | None) -> int:
    """Say what is wrong with a configuration file; the exit code."""
    path, faults = check_config(named)
    if faults is None:
        _tell_asker(f"there is no {path}: all is at its default")
        return EXIT_OK
    if not faults:
        _tell_asker(f"{path} is right")
        return EXIT_OK
    for fault in faults:
        _say(fault)
    return EXIT_USAGE


# --- the parser ----------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trio-chat",
        description="A chat for people who live in a terminal. It never loses, doubles or"
        " reorders a line.",
        epilog=_EPILOG.format(config=config_path()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trio_chat {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = _command(commands, "serve", "run a server", _SERVE_EPILOG)
    serving.add_argument(
        "-v", "--verbose", action="store_true", help="say more: leaves, bad lines"
    )
    serving.add_argument(
        "--new-epoch",
        action="store_true",
        help="have all who were here begin anew: the data file was put back to an"
        " earlier time in a way that the server can't see",
    )
    _add_settings(serving, SERVE_SETTINGS)
    joining = _command(commands, "join", "chat on a server", _JOIN_EPILOG)
    joining.add_argument("--plain", action="store_true", help="lines in, lines out")
    joining.add_argument("--json", action="store_true", help="one JSON object a line")
    joining.add_argument(
        "--listen", action="store_true", help="stay after the end of standard input"
    )
    _add_settings(joining, JOIN_SETTINGS)
    verifying = _command(
        commands, "verify", "read a data file again, and say if it is whole", _VERIFY_EPILOG
    )
    verifying.add_argument("data", metavar="DATA", help="data file")
    copying = _command(
        commands, "backup", "copy a data file, also a live server's", _BACKUP_EPILOG
    )
    copying.add_argument("data", metavar="DATA", help="data file")
    copying.add_argument("to", metavar="TO", help="the copy; nothing may be there")
    configuring = _command(
        commands,
        "config",
        "print the whole configuration, or check yours",
        _CONFIG_EPILOG.format(variable=CONFIG_VARIABLE, config=config_path()),
    )
    one = configuring.add_mutually_exclusive_group()
    one.add_argument(
        "--check",
        nargs="?",
        const="",
        metavar="FILE",
        help="read it (without FILE: the one in force), and say all that is wrong in it",
    )
    one.add_argument(
        "--path", action="store_true", help="say where the one in force is looked for"
    )
    return parser


def _command(
    commands: Any, name: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description,
        description=description.capitalize() + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser)
    return parser


def _add_settings(
    parser: argparse.ArgumentParser, settings: tuple[Setting[Any], ...]
) -> None:
    parser.add_argument("--config", metavar="FILE", help="configuration (TOML)")
    for setting in settings:
        default = "" if setting.default in (None, "") else f" ({_shown(setting.default)})"
        words: dict[str, Any] = {"metavar": setting.metavar, "help": setting.help + default}
        if setting.positional:
            parser.add_argument(setting.name, nargs="?", **words)
        else:
            parser.add_argument(setting.flag, dest=setting.name, **words)


def _tell_asker(*texts: str) -> None:
    sys.stdout.write(as_lines(*texts))


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _say(text: str) -> None:
    sys.stderr.write(as_lines(text))


_COMMANDS: Final = {
    "serve": _serve,
    "join": _join,
    "verify": _verify,
    "backup": _backup,
    "config": _config,
}
