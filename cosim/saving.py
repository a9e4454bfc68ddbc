"""Values as bytes and back, bit for bit: JSON for what is small, plain arrays beside it, never pickle.

What can be saved: None, numbers, text, lists, tuples, dicts, sets of them, numpy arrays and scalars, enumerations,
dataclasses and named tuples of this package. Anything else is refused when it is saved, so that nothing is
forgotten in silence.
"""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

TREE = "tree.json"
OWN = "cosim."


def pack(value: Any) -> bytes:
    """Bytes of a value: a zip of ``tree.json`` and one ``.npy`` an array.

    Raises
    ------
    TypeError
        If something in it cannot be saved; names where it stands.
    """
    arrays: list[NDArray[Any]] = []
    tree = json.dumps(_plain(value, arrays, "")).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        file.writestr(TREE, tree)
        for number, array in enumerate(arrays):
            with io.BytesIO() as one:
                np.lib.format.write_array(one, array, allow_pickle=False)
                file.writestr(f"{number}.npy", one.getvalue())
    return content.getvalue()


def unpack(content: bytes) -> Any:
    """The value that `pack` made these bytes of; its arrays are its own and may be changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:

        def array(number: int) -> NDArray[Any]:
            with file.open(f"{number}.npy") as one:
                return np.asarray(np.lib.format.read_array(one, allow_pickle=False))

        return _value(json.loads(file.read(TREE)), array)


def attributes(thing: object, given: tuple[str, ...]) -> dict[str, Any]:
    """Everything that an object holds, apart from what it was `given` and would be given again."""
    own = vars(thing)
    if unknown := set(given) - own.keys():
        raise TypeError(f"{type(thing).__name__} has no {', '.join(sorted(unknown))}")
    return {name: value for name, value in own.items() if name not in given}


def set_attributes(thing: object, saved: Mapping[str, Any], given: tuple[str, ...]) -> None:
    """Have an object hold what `attributes` took from its like.

    Raises
    ------
    TypeError
        If it holds other things.
    """
    if saved.keys() != attributes(thing, given).keys():
        odd = ", ".join(sorted(saved.keys() ^ attributes(thing, given).keys()))
        raise TypeError(f"{type(thing).__name__} was saved with other attributes: {odd}")
    vars(thing).update(saved)


def _plain(value: Any, arrays: list[NDArray[Any]], where: str) -> Any:
    """JSON for a value: plain where JSON has it, else a list of a tag and what it needs."""
    if isinstance(value, Enum):
        return ["enum", _name(type(value), where), value.name]
    if value is None or isinstance(value, bool) or type(value) in (str, int, float):
        return value  # Python's JSON keeps every float, infinities and NaN among them
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype == object:
            flat = _items(array.ravel().tolist(), arrays, where)
            return ["objects", list(array.shape), flat]
        arrays.append(array)
        return ["array" if isinstance(value, np.ndarray) else "scalar", len(arrays) - 1]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ["named", _name(type(value), where), _items(value, arrays, where)]
    if isinstance(value, list | tuple):
        return ["list" if isinstance(value, list) else "tuple", _items(value, arrays, where)]
    if isinstance(value, set | frozenset):
        kind = "set" if isinstance(value, set) else "frozenset"
        return [kind, _items(sorted(value, key=repr), arrays, where)]
    if isinstance(value, Mapping) and type(value) is dict:
        pairs = [
            [_plain(k, arrays, f"{where}.{k}"), _plain(v, arrays, f"{where}.{k}")] for k, v in value.items()
        ]
        return ["dict", pairs]
    if isinstance(value, str | int | float):
        return _plain(_base(value), arrays, where)
    if is_dataclass(value) and not isinstance(value, type):
        own = {f.name: _plain(getattr(value, f.name), arrays, f"{where}.{f.name}") for f in fields(value)}
        return ["dataclass", _name(type(value), where), own]
    raise TypeError(f"{where.lstrip('.') or 'value'}: a {type(value).__qualname__} cannot be saved")


def _items(values: Any, arrays: list[NDArray[Any]], where: str) -> list[Any]:
    return [_plain(item, arrays, f"{where}[{number}]") for number, item in enumerate(values)]


def _base(value: str | int | float) -> str | int | float:
    """A value of a subclass as what it is."""
    return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))


def _name(kind: type, where: str) -> str:
    if not kind.__module__.startswith(OWN) or "<" in kind.__qualname__:
        raise TypeError(f"{where.lstrip('.') or 'value'}: a {kind.__qualname__} cannot be saved")
    return f"{kind.__module__}:{kind.__qualname__}"


def _kind(name: str) -> Any:
    module, _, qualname = name.partition(":")
    if not module.startswith(OWN):
        raise TypeError(f"{name} is no kind of value of this package")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _value(plain: Any, array: Any) -> Any:
    if not isinstance(plain, list):
        return plain
    match plain:
        case ["array", number]:
            return array(number)
        case ["scalar", number]:
            return array(number)[()]
        case ["objects", shape, flat]:
            made = np.empty(len(flat), dtype=object)
            made[:] = [_value(item, array) for item in flat]
            return made.reshape(shape)
        case ["enum", name, member]:
            return _kind(name)[member]
        case ["named", name, items]:
            return _kind(name)(*(_value(item, array) for item in items))
        case ["list", items]:
            return [_value(item, array) for item in items]
        case ["tuple", items]:
            return tuple(_value(item, array) for item in items)
        case ["set", items]:
            return {_value(item, array) for item in items}
        case ["frozenset", items]:
            return frozenset(_value(item, array) for item in items)
        case ["dict", pairs]:
            return {_value(key, array): _value(item, array) for key, item in pairs}
        case ["dataclass", name, own]:
            kind = _kind(name)
            made = object.__new__(kind)
            if {f.name for f in fields(kind)} != own.keys():
                raise TypeError(f"{name} was saved with other fields")
            for key, item in own.items():
                object.__setattr__(made, key, _value(item, array))
            return made
    raise TypeError(f"nothing is saved as {plain[:1]}")
