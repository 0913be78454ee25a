"""Lowering a graph: what cannot be lowered is collected, so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webkiln.errors import FormatError, Unsupported
from webkiln.graph.dtypes import COMPLEX
from webkiln.importers.elements import held_as
from webkiln.importers.emitter import UNFORESEEN, Refused
from webkiln.importers.named import listed
from webkiln.importers.tensorflow import sizes
from webkiln.importers.tensorflow.hints import hint
from webkiln.importers.tensorflow.lowering import Call, Lower, Lowering, NotMade
from webkiln.importers.tensorflow.nodes import Node, node_of, result_name
from webkiln.importers.tensorflow.registry import COMPLEX_RULES, RULES


def lower_all(values: Lowering, nodes: Sequence[Node]) -> list[Unsupported]:
    """Lower nodes in order, those that have no value yet; returns what could not be, and adds its nodes to `values.missing`. `FormatError` for what is wrong in the source."""
    problems: list[Unsupported] = []
    loop = ""
    for node in nodes:
        if values.defined(node.name):
            continue
        # What comes later in the order depends on this node.
        later = [name for name in node.inputs if not values.defined(node_of(name))]
        loop = loop or (f"{node.where}: it reads {later[0]!r}, which is made from its own result" if later else "")
        after_missing = later or any(node_of(name) in values.missing for name in node.inputs)
        try:
            rules = _rules(values, node)
            if node.op not in rules:
                raise Refused("" if node.op not in RULES else "on complex numbers", hint(node.op))
            if not after_missing:
                _lower(values, node, rules)
                continue
        except NotMade:
            pass
        except Refused as refusal:
            problems.append(Unsupported(node.op, node.where, refusal.reason or _reads(values, node), refusal.hint))
        except UNFORESEEN as error:
            raise FormatError(f"{node.where}: {error}") from None
        finally:
            problems += values.problems
            values.problems.clear()
        values.missing.add(node.name)
    if loop and not problems:
        raise FormatError(loop)
    return problems


def _reads(values: Lowering, node: Node) -> str:
    """What an operator that is not known is used with."""
    dtypes = dict.fromkeys(values.dtypes[name] for name in node.inputs if name in values.dtypes)
    return f"on {', '.join(dtypes)}" if dtypes else ""


def _rules(values: Lowering, node: Node) -> Mapping[str, Lower]:
    """The functions for what a node reads and makes."""
    of_complex = node.op in COMPLEX_RULES and node.op not in RULES
    return COMPLEX_RULES if of_complex or any(values.dtypes.get(name) in COMPLEX for name in node.inputs) or _makes_complex(node) else RULES


def _makes_complex(node: Node) -> bool:
    return node.op == "Cast" and node.attributes.get("DstT") in COMPLEX


def _lower(values: Lowering, node: Node, rules: Mapping[str, Lower]) -> None:
    for name in node.inputs:
        if name not in values.dtypes:
            raise FormatError(f"{node.where}: it reads {name!r}, which its node does not make")
        held_as(values.dtypes[name])
    call = Call(values, node)
    first_node = len(values.builder.graph.nodes)
    computed = sizes.compute(call) if rules is RULES else None
    results = computed if computed is not None else listed(rules[node.op](call))
    for i, result in enumerate(results):
        call.define(result_name(node.name, i), result, first_node, sizes="int32")
