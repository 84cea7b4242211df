"""The bus: publish an event from any thread; each subscriber hears all of them, in one order, on one thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from alveary.events import Event

_log = logging.getLogger(__name__)

Listener = Callable[[Event], None]


class Bus:
    """Delivers events on a thread of its own, which starts with the first subscriber.

    Publishing never blocks and never runs a listener, so it is allowed while holding a lock. A listener that raises
    is logged and hears the next event all the same.
    """

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event | threading.Event | None] = queue.SimpleQueue()
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def heard(self) -> bool:
        """Whether anybody listens; what is published otherwise is gone."""
        return bool(self._listeners)

    def publish(self, event: Event) -> None:
        """Hand an event to every current listener, soon."""
        if self.heard:
            self._events.put(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; the function returned ends that."""
        with self._lock:
            self._listeners += (listener,)
            if self._thread is None:
                thread = threading.Thread(target=self._deliver, name="alveary-bus", daemon=True)
                thread.start()  # which may fail, and then there is none
                self._thread = thread

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything published so far is delivered; False if that took too long."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        reached = threading.Event()
        self._events.put(reached)
        return reached.wait(timeout)

    def close(self) -> None:
        """Deliver what is left and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._events.put(None)
            if thread is not threading.current_thread():
                thread.join(5.0)

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            if isinstance(event, threading.Event):
                event.set()
                continue
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:  # noqa: BLE001  # logged; the next listener must hear the event all the same
                    _log.exception("a listener failed on %s", event.name)
