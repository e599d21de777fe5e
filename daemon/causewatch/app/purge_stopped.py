"""Purges the folder of a daemon that is not running; one that is does it itself."""

from __future__ import annotations

import sqlite3

from causewatch.app.assess import INBOX_FILE, STATE_FILE
from causewatch.app.clock import now_ns
from causewatch.app.config import Config
from causewatch.app.dialectfiles import load_dialects
from causewatch.app.purge import OnStep, Purge
from causewatch.app.purge_call import ask_purge
from causewatch.app.purge_scope import Purged, Wanted, checked
from causewatch.errors import InputError
from causewatch.inbox.batch import InboxInUseError, NotStoredError
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics


def purge(
    config: Config, wanted: Wanted, on_step: OnStep, *, is_dry: bool, url: str = ""
) -> Purged:
    """Forget what is wanted, by the daemon that has the folder, or here where none does.

    Args:
        config: the daemon's.
        wanted: what to forget.
        on_step: see ``OnStep``.
        is_dry: only count.
        url: the daemon's web address, where it is not what the configuration says.

    Raises:
        UserError: it cannot be meant, or the daemon does not let us.
        InputError: the folder is none of ours, or cannot be written.
        UnreachableError: a daemon has the folder and does not answer, or could not finish.
    """
    wanted, folder = checked(wanted), config.store_path
    if not (folder / INBOX_FILE).is_file():
        raise InputError(f"{folder}: there is no inbox here")
    dialects = load_dialects(config.dialect_paths)
    try:
        inbox = SqliteInbox(folder / INBOX_FILE, now_ns=now_ns, metrics=Metrics())
    except InboxInUseError:
        address = url or f"http://{config.web.listen}"
        return ask_purge(address, config.web.token, wanted, on_step, is_dry=is_dry)
    try:
        store = SqliteStore(folder / STATE_FILE)
        try:
            purge = Purge(
                inbox=inbox, store=store, folder=folder, dialects=dialects, on_step=on_step
            )
            found = purge.find(wanted)
            return purge.count(found) if is_dry else purge.apply(found)
        except (sqlite3.Error, OSError, NotStoredError) as error:
            raise InputError(f"{folder}: {error}; purge again to finish") from error
        finally:
            store.close()
    finally:
        inbox.close()
