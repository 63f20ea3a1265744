"""MongoDB: the one room that imports motor, pymongo and bson.

motor is past its end of life and was asked for; everybody else sees only what this package exports, so that moving
to PyMongo's own asynchronous client stays a change in here.
"""

from shared.mongo.client import Database, connect
from shared.mongo.collection import Collection, Document, Index, containing
from shared.mongo.errors import DuplicateKeyError, StaleDocumentError
from shared.mongo.lease import Lease, LeaseLostError
from shared.mongo.server_time import keep_sharing_server_time, share_server_time
from shared.mongo.transactions import BEFORE_ALL_TIMES, Session, in_transaction

__all__ = [
    "BEFORE_ALL_TIMES",
    "Collection",
    "Database",
    "Document",
    "DuplicateKeyError",
    "Index",
    "Lease",
    "LeaseLostError",
    "Session",
    "StaleDocumentError",
    "connect",
    "containing",
    "in_transaction",
    "keep_sharing_server_time",
    "share_server_time",
]
