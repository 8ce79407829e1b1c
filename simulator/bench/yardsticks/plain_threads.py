"""A chat with a thread for each member, as in any tutorial: a yardstick for the bench.

A member's first line is its nick and its room; what it says then goes to each of the others
in turn, while everybody waits: `python -m simulator.bench.yardsticks.plain_threads`.
"""

import argparse
import socket
import sys
import threading
from collections import defaultdict
from contextlib import suppress


class Room:
    """Who is there. One speaks, or comes, or goes, at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: set[socket.socket] = set()

    def enter(self, member: socket.socket, nick: str) -> None:
        """Greet the new one, and tell the others."""
        with self._lock:
            self._tell([member], f"* welcome, {nick}\n")
            self._tell(self._members, f"* {nick} has joined\n")
            self._members.add(member)

    def say(self, member: socket.socket, line: str) -> None:
        """To all but who says it."""
        with self._lock:
            self._tell(self._members - {member}, line)

    def leave(self, member: socket.socket, nick: str) -> None:
        """Tell the others."""
        with self._lock:
            self._members.discard(member)
            self._tell(self._members, f"* {nick} has left\n")

    def _tell(self, members: "set[socket.socket] | list[socket.socket]", line: str) -> None:
        data = line.encode()
        for member in members:
            with suppress(OSError):  # it has gone: its own thread will see that
                member.sendall(data)


class Chat:
    """All rooms."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, Room] = defaultdict(Room)

    def serve(self, member: socket.socket) -> None:
        """One member, from its first line to its last."""
        with member, member.makefile("r", encoding="utf-8", newline="\n") as lines:
            nick, _, place = lines.readline().strip().partition(" ")
            room = self._rooms[place]
            room.enter(member, nick)
            with suppress(OSError):
                for line in lines:
                    room.say(member, f"{nick}: {line}")
            room.leave(member, nick)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="A chat with a thread for each member.")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    chat = Chat()
    with socket.create_server(("127.0.0.1", options.port), backlog=1024) as listener:
        sys.stdout.write("listening on {}:{}\n".format(*listener.getsockname()))
        sys.stdout.flush()
        while True:
            member, _ = listener.accept()
            threading.Thread(target=chat.serve, args=(member,), daemon=True).start()


if __name__ == "__main__":
    main()
