"""Which canonical operators a lowering function may emit, read from its code: nothing has to be declared, and nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from webkiln.importers.emitter import Emitter
from webkiln.ops import OPERATORS

_PACKAGE = __name__.rpartition(".")[0]


def emitted(lower: Callable[..., Any], name: str, call: type[Emitter], registry: Mapping[Any, Any]) -> frozenset[str]:
    """The names of operators in the function that lowers the source's operator `name`, and in all that it reaches inside the importers.

    `call`: the class whose methods it uses. Of a table by source operators only the entry `name` counts; `registry` is not entered, since
    whatever else is lowered on the way has an entry of its own. What is named may be for some inputs only.
    """
    found: set[str] = set()
    seen: set[int] = {id(registry)}
    pending: list[Any] = [lower]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            found.update({item} & OPERATORS.keys())
        elif id(item) not in seen:
            seen.add(id(item))
            pending += _parts(item, name, call)
    return frozenset(found)


def _parts(item: Any, name: str, call: type[Emitter]) -> Iterator[Any]:
    """What is reached from something by one step."""
    if isinstance(item, Mapping):
        yield from [item[name]] if name in item else item.values()
    elif isinstance(item, (tuple, list, set, frozenset)):
        yield from item
    elif isinstance(item, type) and _is_ours(item) and not issubclass(item, (Emitter, Exception)):
        yield from vars(item).values()
    elif isinstance(item, FunctionType) and _is_ours(item):
        yield from (cell.cell_contents for cell in item.__closure__ or ())
        yield from item.__defaults__ or ()
        names, texts = _words(item.__code__)
        yield from texts
        known = [item.__globals__[word] for word in names if word in item.__globals__]
        yield from known
        for owner in (call, *(one for one in known if isinstance(one, ModuleType) and one.__name__.startswith(_PACKAGE))):
            yield from (vars(base)[word] for base in getattr(owner, "__mro__", (owner,)) for word in names if word in vars(base))


def _is_ours(item: FunctionType | type) -> bool:
    return item.__module__.startswith(_PACKAGE)


def _words(code: CodeType) -> tuple[set[str], set[str]]:
    """The names that code uses, and the texts in it, also of functions inside."""
    names, texts = set(code.co_names), set()
    pending = list(code.co_consts)
    while pending:
        constant = pending.pop()
        if isinstance(constant, str):
            texts.add(constant)
        elif isinstance(constant, (tuple, frozenset)):
            pending += constant
        elif isinstance(constant, CodeType):
            names.update(constant.co_names)
            pending += constant.co_consts
    return names, texts
