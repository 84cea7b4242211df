"""Frames over a byte stream: a 4-byte little-endian length, then MessagePack. No pickle: reading can't run code."""

from __future__ import annotations

import contextlib
import struct
import threading
from typing import Any, BinaryIO

import msgspec

_LENGTH = struct.Struct("<I")


class Channel:
    """A two-way stream of messages; any number of threads may send, one receives."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, receives: Any) -> None:
        """``receives`` is the (union) type of the messages that come in."""
        self._reader = reader
        self._writer = writer
        self._decoder = msgspec.msgpack.Decoder(receives)
        self._encoder = msgspec.msgpack.Encoder()
        self._lock = threading.Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; OSError when the other side is gone."""
        frame = self._encoder.encode(message)
        with self._lock:
            try:
                self._writer.write(_LENGTH.pack(len(frame)) + frame)
                self._writer.flush()
            except ValueError as exc:  # closed by us in another thread
                raise BrokenPipeError("the channel is closed") from exc

    def receive(self) -> Any | None:
        """Wait for the next message; None when the other side is gone."""
        try:
            head = self._reader.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                return None
            (size,) = _LENGTH.unpack(head)
            frame = self._reader.read(size)
        except (OSError, ValueError):  # reset by the peer, or closed by us in another thread
            return None
        return self._decoder.decode(frame) if len(frame) == size else None

    def close(self) -> None:
        """Close both directions; a thread that receives gets None."""
        for stream in (self._writer, self._reader):
            with contextlib.suppress(OSError):
                stream.close()
