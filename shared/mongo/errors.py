"""What MongoDB can say that a repository may have to act on. Everything else of the driver becomes `Transient`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import InvalidDocument
from pymongo import errors as driver

from shared.errors import Invalid, Transient

_RETRIED_BY_TRANSACTION = "TransientTransactionError"
_DUPLICATE_KEY = 11000


class DuplicateKeyError(Exception):
    """A unique index refused the document: somebody was first."""


class StaleDocumentError(Transient):
    """The document is no longer at the revision it was read at: read it again and decide anew."""

    def __init__(self, collection: str, key: object) -> None:
        super().__init__("document_stale", f"{collection} {key} was changed by somebody else in the meantime.")


@contextmanager
def translated() -> Iterator[None]:
    """Raise the driver's errors as ours.

    Errors that a transaction retries as a whole pass through unchanged: the driver looks for their label.
    Raises `Invalid` for what BSON cannot express: asking again would not help.
    """
    try:
        yield
    except driver.DocumentTooLarge:
        raise  # A document of ours has grown too large: that is nobody's request.
    except (OverflowError, InvalidDocument) as error:
        raise Invalid(
            "value_unusable",
            "A value is of no kind that can be stored or looked for.",
            remedy="Use whole numbers that fit 64 bits, and no NUL in the names of fields.",
        ) from error
    except driver.DuplicateKeyError as error:
        raise DuplicateKeyError(str(error.details or error)) from error
    except driver.BulkWriteError as error:
        if any(one.get("code") == _DUPLICATE_KEY for one in error.details.get("writeErrors", ())):
            raise DuplicateKeyError(str(error.details)) from error
        raise
    except driver.PyMongoError as error:
        if error.has_error_label(_RETRIED_BY_TRANSACTION):
            raise
        if isinstance(error, driver.ConnectionFailure | driver.ExecutionTimeout | driver.NetworkTimeout):
            raise Transient("database_unavailable", f"MongoDB did not answer: {type(error).__name__}.") from error
        raise
