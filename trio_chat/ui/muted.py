"""The rooms that are not to call anybody: kept in a file, for each server."""

import json
from contextlib import suppress
from pathlib import Path


class Muted:
    """The rooms that are muted on one server; without a file, in this life alone.

    Shape:  a file that can't be read has none in it.
    """

    def __init__(self, path: Path | None = None, server: str = "") -> None:
        self._path = path
        self._server = server
        self.rooms = frozenset(self._read().get(server, ()))
        """Their names."""

    def set(self, room: str, *, muted: bool) -> str:
        """Mute it, or have it call again; why that is for this life alone, or nothing."""
        self.rooms = self.rooms | {room} if muted else self.rooms - {room}
        if self._path is None:
            return ""
        # What another chat has written meanwhile for another server stays.
        kept = {**self._read(), self._server: sorted(self.rooms)}
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            beside.touch(mode=0o600, exist_ok=False)
            beside.write_text(json.dumps(kept), encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            return f"that can't be kept for the next time: {error}"
        return ""

    def _read(self) -> dict[str, list[str]]:
        with suppress(OSError, ValueError):
            if self._path is not None:
                kept = json.loads(self._path.read_text(encoding="utf-8"))
                if isinstance(kept, dict):
                    return {
                        server: [room for room in rooms if isinstance(room, str)]
                        for server, rooms in kept.items()
                        if isinstance(rooms, list)
                    }
        return {}
