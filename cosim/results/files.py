"""Files that are whole or absent: written aside, made durable, then named.

The only place of this room that renames, syncs or removes; tests inject failures here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk (POSIX; Windows has no such call)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(aside: Path, final: Path) -> None:
    """Give a finished file its final name, durably and in one step."""
    sync_file(aside)
    os.replace(aside, final)
    sync_folder(final.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that its name never stands for half of it."""
    aside = path.with_name(path.name + ".writing")
    try:
        aside.write_bytes(content)
        publish(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def digest(content: bytes) -> str:
    """SHA-256 of a segment, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
