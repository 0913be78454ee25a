"""The operator table: every canonical operator, defined once."""

from webkiln.ops import elementwise as _elementwise
from webkiln.ops import structured as _structured
from webkiln.ops.table import LEAST_TOLERANCES, Attribute, Operator, Tolerance, Unavailable, fill_defaults

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (*_elementwise.OPERATORS, *_structured.OPERATORS)
}

__all__ = ["LEAST_TOLERANCES", "OPERATORS", "Attribute", "Operator", "Tolerance", "Unavailable", "fill_defaults"]
