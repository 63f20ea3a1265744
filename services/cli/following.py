"""Following what goes on at the gateway: live while its stream works, by asking again and again while it does not.

- Events only wake: what is shown is always read anew, so that nothing rests on having heard every event.
- A stream that breaks off is resumed after the last event that was heard. Each connection wakes: something may have
  happened while there was none.
- A gateway that does not answer is asked again until the time is over: it may be restarting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from threading import Event, Thread
from typing import Any, Self

from services.cli.client import Client
from services.cli.live_events import read_events
from shared.errors import Rejection, Transient

_LOOK_LIVE_SECONDS = 5.0
"""Between two looks while the stream is up: only a guard against what should not happen."""
_LOOK_BLIND_SECONDS = 0.3
"""Between two looks while there is no stream."""
_RECONNECT_SECONDS = 0.5


class News(AbstractContextManager["News"]):
    """Wakes whoever waits when something happens in a project, or in one application of it."""

    def __init__(self, client: Client, project: str, application: str | None = None) -> None:
        self._client = client
        self._where = {"project": project, "application": application}
        self._woken = Event()
        self._over = Event()
        self._last_id: str | None = None
        self.live = False
        """Whether the stream is up."""

    def __enter__(self) -> Self:
        # A daemon: it may sit in a read for seconds, and nobody needs what it would still hear.
        Thread(target=self._listen, name="news", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def wait(self, seconds: float) -> bool:
        """Whether something happened in that time; without a stream only a part of it is waited."""
        woken = self._woken.wait(min(seconds, _LOOK_LIVE_SECONDS if self.live else _LOOK_BLIND_SECONDS))
        self._woken.clear()
        return woken

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(Transient):
                try:
                    self._hear()
                except Rejection:
                    return  # No stream for this caller: looking has to do.
                finally:
                    self.live = False
            self._over.wait(_RECONNECT_SECONDS)

    def _hear(self) -> None:
        with self._client.listen("/stream", last_event_id=self._last_id, **self._where) as lines:
            self.live = True
            self._woken.set()
            for event in read_events(lines):
                self._last_id = event.id
                self._woken.set()
                if self._over.is_set():
                    return


def follow(
    client: Client, path: str, news: News, seconds: float, *, is_over: Callable[[Any], bool], silent: Callable[[], None]
) -> Iterator[Any]:
    """What a path answers, each time it is another answer, until it is over or the time is.

    `silent` is called when the gateway stops answering. Raises `Transient` when it still does not at the end.
    """
    give_up = time.monotonic() + seconds
    shown: Any = None
    while True:
        try:
            found = client.get(path)
        except Transient:
            silent()
            if time.monotonic() > give_up:
                raise
        else:
            if found != shown:
                shown = found
                yield found
            if is_over(found) or time.monotonic() > give_up:
                return
        news.wait(max(0.0, give_up - time.monotonic()))
