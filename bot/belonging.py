"""That the files are those of the database: both bear one mark, made when they first met.

With the wrong files a thread seems to have none. With the wrong database all files seem to belong
to nobody, and would be deleted.
"""

from __future__ import annotations

import asyncio
import secrets

from obstore.exceptions import BaseError

from bot.blobs import BlobStore
from bot.errors import SettingsError
from bot.settings import Settings
from bot.store.marks import Marks

LOOKED_AT = 20  # of the newest files

FOREIGN = (
    "The files in {where} belong to another database. To take SQLite's over to PostgreSQL, run "
    "`threadlab db copy` first; else set DATA_DIR or BLOBS_URL to a place of their own."
)
ELSEWHERE = (
    "The files of this database are not in {where}. Set DATA_DIR or BLOBS_URL as they were, and as "
    "the other workers have them. If the files are lost for good, `threadlab db adopt` goes on "
    "without them."
)


async def ensure_together(settings: Settings, marks: Marks, blobs: BlobStore) -> None:
    """See that the files belong to the database; mark both where one has no mark yet.

    Raises:
        SettingsError: they do not belong together, or the files can't be reached.
    """
    where = settings.blobs_place
    try:
        async with asyncio.timeout(settings.database_timeout_seconds):
            await _ensure_together(marks, blobs, where)
    except (BaseError, OSError) as error:  # a TimeoutError is an OSError
        why = str(error).partition("\n")[0] or "no answer"
        raise SettingsError(f"The files in {where} can't be reached: {why}") from error


async def _ensure_together(marks: Marks, blobs: BlobStore, where: str) -> None:
    ours, theirs = await marks.read(), await blobs.mark()
    if ours and theirs:
        if ours != theirs:
            raise SettingsError(FOREIGN.format(where=where))
        return
    newest = await marks.newest_blobs(LOOKED_AT)
    if newest:
        if not any([await blobs.has(key, sha256) for key, sha256 in newest]):
            raise SettingsError(ELSEWHERE.format(where=where))
    elif ours:
        raise SettingsError(ELSEWHERE.format(where=where))
    elif not await marks.has_threads() and await blobs.folders():
        raise SettingsError(FOREIGN.format(where=where))
    await adopt(marks, blobs)


async def adopt(marks: Marks, blobs: BlobStore) -> None:
    """Have the files belong to the database from now on, as far as neither has a mark already.

    The files are marked first: of several workers that start together all have the same mark then.
    """
    mark = await blobs.ensure_mark(await marks.read() or secrets.token_hex(16))
    await marks.set(mark)
