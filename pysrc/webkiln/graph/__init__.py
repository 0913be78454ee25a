"""The intermediate representation: dimensions, dtypes, graphs."""

from webkiln.graph.dims import Dim, Expression, parse_dim, symbol
from webkiln.graph.graph import Constant, Graph, Node, State, Value

__all__ = ["Constant", "Dim", "Expression", "Graph", "Node", "State", "Value", "parse_dim", "symbol"]
