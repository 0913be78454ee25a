"""Tables that hold numbers under numbers. `tables.with_contents` has put their contents in place of the tables."""

from __future__ import annotations

import numpy as np

from webkiln.importers.emitter import Refused
from webkiln.importers.known import objects
from webkiln.importers.tensorflow.lowering import Call, Typed
from webkiln.importers.tensorflow.registry import lowers

KEYS_LIMIT = 2**14  # each key that is looked up is compared with all of them


@lowers("LookupTableFind", "LookupTableFindV2")
def find(call: Call) -> Typed:
    """The value of each key, and the default for keys that the table does not have."""
    if len(call) != 4:
        raise Refused("a table whose contents the file does not tell", "Fill each table once, from constants")
    (count,), shape = call.sizes(2, "the keys of the table"), call.shape(0)
    if call.shape(3)[:1] != [count] or count > KEYS_LIMIT:
        raise Refused(f"a table of {count} keys and values of the shape {call.shape(3)}; at most {KEYS_LIMIT} keys are looked up, of as many values")
    if count == 0:
        return Typed(call.node("expand", [call.value(1)], shape=[*shape, *call.shape(3)[1:]]), call.dtype(3))
    wanted = call.reshape(call.wide(call.value(0)), [*shape, 1])
    same = call.cast(call.node("equal", [wanted, call.wide(call.value(2))]), "i32")
    place = call.node("arg_max", [same], axis=len(shape), keep_dims=False)
    there = call.cast(call.node("reduce_max", [same], axes=[len(shape)], keep_dims=False), "bool")
    values = call.node("gather", [call.wide(call.value(3)), place], axis=0)
    there = call.reshape(there, [*shape, *[1] * (len(call.shape(3)) - 1)])
    chosen = call.node("where", [there, values, call.wide(call.value(1))])
    dtype = call.dtype(3)
    return Typed(call.cast(chosen, "bool") if dtype == "bool" else call.narrow(chosen, dtype), dtype)


@lowers("LookupTableSize", "LookupTableSizeV2")
def size(call: Call) -> Typed:
    return Typed(objects(np.array(call.sizes(0, "the keys of the table")[0])), "int64")
