"""Bugs for the terminal client, planted from outside."""

from typing import Final

from tests.reliability.planted import planted

CLIENTS: Final = {
    "a client prints twice what comes first on a new link": planted(
        """
    from msgspec.structs import replace
    from trio_chat.ui import changes

    lost = []
    entry, status = changes._entry, changes._status

    def heard(view, event):
        update = entry(view, event)
        if lost and update.lines:
            lost.clear()
            return replace(update, lines=update.lines * 2)
        return update

    def linked(view, event):
        if event.state == "offline":
            lost.append(event)
        return status(view, event)

    plant(changes, "_entry", heard)
    plant(changes, "_status", linked)
    """
    ),
    "a client does not look for what was half typed": planted(
        """
    from msgspec.structs import replace
    from trio_chat.ui import app

    read = app.read_desk

    def blind(path):
        found, damage = read(path)
        return replace(found, drafts={}), damage

    plant(app, "read_desk", blind)
    """
    ),
}
