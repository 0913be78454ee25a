"""Symbolic dimensions: integer expressions over named symbols, in a canonical form.

An expression is a sum of products of *atoms*; an atom is a symbol or one of the functions `floordiv`, `mod`, `min`, `max` of two
dimensions. Equal polynomials are equal objects; functions are simplified only where it is cheap and certain.
A symbol stands for an integer of at least 1, or of at least the minimum that it was made with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Union

from webkiln.errors import FormatError, ShapeError

Atom = Union[str, "Call"]
Monomial = tuple[Atom, ...]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FUNCTIONS = ("floordiv", "mod", "min", "max")
MAXIMUM_DEPTH = 32
MAXIMUM_LENGTH = 4096
MAXIMUM_TERMS = 256
MAXIMUM_DEGREE = 32
MAXIMUM_ELEMENTS = 2**31 - 1  # of one tensor
LARGEST = 2**53 - 1  # what JavaScript computes with exactly


class Unsized(str):
    """The name of a symbol that may be less than 1: an element of an input, not one of its sizes."""

    minimum: int

    def __new__(cls, name: str, minimum: int) -> Unsized:
        made = super().__new__(cls, name)
        made.minimum = minimum
        return made


class Call:
    """A function of two dimensions, as an atom of a product."""

    __slots__ = ("a", "b", "bounds", "function", "text")

    def __init__(self, function: str, a: Dim, b: Dim) -> None:
        self.function, self.a, self.b = function, a, b
        self.text = f"{function}({a}, {b})"
        self.bounds = _call_bounds(function, a, b)  # kept: expressions share their parts, and are compared often

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text


class Expression:
    """A dimension that is not a plain integer. Make one with `symbol` and arithmetic.

    It has at most 256 terms of degree 32 at most, with factors below 2⁵³ (`ShapeError`). Comparisons with `<`, `<=`, `>`, `>=` are true only when they hold for every value of the symbols.
    """

    __slots__ = ("terms", "text")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms = dict(terms)
        self.text = _write(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def __add__(self, other: Dim) -> Dim:
        terms = dict(self.terms)
        for monomial, factor in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return _from_terms(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + (other * -1)

    def __rsub__(self, other: Dim) -> Dim:
        return (self * -1) + other

    def __mul__(self, other: Dim) -> Dim:
        terms: dict[Monomial, int] = {}
        if len(self.terms) * len(_terms(other)) > 4 * MAXIMUM_TERMS:
            raise ShapeError(f"the product of two dimensions has too many terms: ({_short(self)}) * ({_short(other)})")
        for left, p in self.terms.items():
            for right, q in _terms(other).items():
                monomial = tuple(sorted((*left, *right), key=str))
                terms[monomial] = terms.get(monomial, 0) + p * q
        return _from_terms(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return apply("floordiv", self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return apply("floordiv", other, self)

    def __mod__(self, other: Dim) -> Dim:
        return apply("mod", self, other)

    def __rmod__(self, other: Dim) -> Dim:
        return apply("mod", other, self)

    def __lt__(self, other: Dim) -> bool:
        return _upper(self - other) < 0

    def __le__(self, other: Dim) -> bool:
        return _upper(self - other) <= 0

    def __gt__(self, other: Dim) -> bool:
        return _lower(self - other) > 0

    def __ge__(self, other: Dim) -> bool:
        return _lower(self - other) >= 0


Dim = int | Expression
Shape = tuple[Dim, ...]


def symbol(name: str, minimum: int = 1) -> Expression:
    """A named integer of at least `minimum`: 1 for a dimension."""
    if not _NAME.match(name) or name in _FUNCTIONS:
        raise FormatError(f"not a name for a dimension: {name!r} (letters, digits and _, not starting with a digit)")
    return Expression({(name if minimum >= 1 else Unsized(name, minimum),): 1})


def apply(function: str, a: Dim, b: Dim) -> Dim:
    """`floordiv`, `mod` (both round towards minus infinity), `min` or `max` of two dimensions."""
    if function in ("floordiv", "mod") and b == 0:
        raise ShapeError(f"division by zero in the dimension {function}({a}, {b})")
    if isinstance(a, int) and isinstance(b, int):
        return {"floordiv": lambda: a // b, "mod": lambda: a % b, "min": lambda: min(a, b), "max": lambda: max(a, b)}[
            function
        ]()
    if function == "floordiv":
        if b == 1 or a == 0:
            return a
        if isinstance(b, int) and all(factor % b == 0 for factor in _terms(a).values()):
            return _from_terms({monomial: factor // b for monomial, factor in _terms(a).items()})
        if a == b:
            return 1
    elif function == "mod":
        if b == 1 or a == 0 or a == b:
            return 0
        if isinstance(b, int) and all(factor % b == 0 for factor in _terms(a).values()):
            return 0
    else:
        if a == b:
            return a
        if a <= b:
            return a if function == "min" else b
        if a >= b:
            return b if function == "min" else a
        a, b = sorted((a, b), key=str)
    call = Call(function, a, b)
    low, high = call.bounds
    return int(low) if low == high else Expression({(call,): 1})


def equal(a: Dim, b: Dim) -> Dim:
    """1 where two dimensions are equal, else 0."""
    if a == b:
        return 1
    return apply("max", 0, 1 - apply("max", a - b, b - a))


def negative(a: Dim) -> Dim:
    """1 where a dimension is below 0, else 0."""
    return apply("max", 0, apply("min", 1, a * -1))


def select(condition: Dim, a: Dim, b: Dim) -> Dim:
    """`a` where the condition is 1, `b` where it is 0."""
    return b + condition * (a - b)


def evaluate(dim: Dim, symbols: Mapping[str, int]) -> int:
    """The value of a dimension when its symbols have these values."""
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, factor in dim.terms.items():
        product = factor
        for atom in monomial:
            if isinstance(atom, Call):
                value = apply(atom.function, evaluate(atom.a, symbols), evaluate(atom.b, symbols))
                assert isinstance(value, int)
                product *= value
            elif atom in symbols:
                product *= symbols[atom]
            else:
                raise ShapeError(f"the dimension {dim} needs a value for {atom}")
        total += product
    return total


def substitute(dim: Dim, symbols: Mapping[str, Dim]) -> Dim:
    """The dimension with symbols replaced by other dimensions."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms.items():
        product: Dim = factor
        for atom in monomial:
            if isinstance(atom, Call):
                product = product * apply(atom.function, substitute(atom.a, symbols), substitute(atom.b, symbols))
            else:
                product = product * symbols.get(atom, Expression({(atom,): 1}))
        total = total + product
    return total


def extent(shape: Iterable[Dim]) -> int:
    """The product of the sizes that are known and not 0. Where it is large, no array can be made, even one without elements."""
    return math.prod(size for size in shape if isinstance(size, int) and size != 0)


def is_unsized(dim: Dim) -> bool:
    """Whether a dimension depends on a symbol that may be less than 1."""
    return any(isinstance(name, Unsized) for name in symbols_of(dim))


def symbols_of(dim: Dim) -> set[str]:
    """The names of the symbols in a dimension."""
    if isinstance(dim, int):
        return set()
    found: set[str] = set()
    for monomial in dim.terms:
        for atom in monomial:
            found |= symbols_of(atom.a) | symbols_of(atom.b) if isinstance(atom, Call) else {atom}
    return found


def parse_dim(text: int | str, minimums: Mapping[str, int] | None = None) -> Dim:
    """Read a dimension as the web format writes it: an integer, or a string with an expression.

    `minimums`: of the symbols that may be less than 1.
    """
    if isinstance(text, bool) or not isinstance(text, (int, str)):
        raise FormatError(f"a dimension is an integer or a string, not {text!r}")
    if isinstance(text, int):
        if abs(text) > LARGEST:
            raise FormatError("a dimension is 2⁵³ or more")
        return text
    return _Parser(text, minimums or {}).parse()


def _terms(dim: Dim) -> Mapping[Monomial, int]:
    return {(): dim} if isinstance(dim, int) else dim.terms


def _from_terms(terms: Mapping[Monomial, int]) -> Dim:
    kept = {monomial: factor for monomial, factor in terms.items() if factor != 0}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    if len(kept) > MAXIMUM_TERMS or any(len(monomial) > MAXIMUM_DEGREE for monomial in kept):
        raise ShapeError(f"a dimension has too many terms or factors: {_short(Expression(kept))}")
    if any(abs(factor) > LARGEST for factor in kept.values()):
        raise ShapeError(f"a dimension has a factor of 2⁵³ or more: {_short(Expression(kept))}")
    return Expression(kept)


def _short(dim: Dim | str) -> str:
    text = str(dim)
    return text if len(text) <= 80 else text[:77] + "…"


def _write(terms: Mapping[Monomial, int]) -> str:
    text = ""
    for monomial, factor in sorted(terms.items(), key=lambda item: (item[0] == (), [str(atom) for atom in item[0]])):
        product = "*".join(str(atom) for atom in monomial)
        if not monomial:
            product = str(abs(factor))
        elif abs(factor) != 1:
            product = f"{abs(factor)}*{product}"
        sign = "-" if factor < 0 else "+"
        text += f" {sign} {product}" if text else (f"-{product}" if factor < 0 else product)
    return text


_INFINITY = float("inf")


def _bounds(atom: Atom) -> tuple[float, float]:
    """The least and the greatest value of an atom."""
    if isinstance(atom, Call):
        return atom.bounds
    return (atom.minimum if isinstance(atom, Unsized) else 1), _INFINITY


def _call_bounds(function: str, a: Dim, b: Dim) -> tuple[float, float]:
    (a0, a1), (b0, b1) = _range(a), _range(b)
    if function == "min":
        return min(a0, b0), min(a1, b1)
    if function == "max":
        return max(a0, b0), max(a1, b1)
    if b0 <= 0:
        return -_INFINITY, _INFINITY
    if function == "mod":
        return 0, b1 - 1
    return (a0 // b1 if a0 >= 0 else a0 // b0) if abs(a0) != _INFINITY else a0, (
        (a1 // b0 if a1 >= 0 else a1 // b1) if abs(a1) != _INFINITY else a1
    )


def _range(dim: Dim) -> tuple[float, float]:
    low: float = 0
    high: float = 0
    for monomial, factor in _terms(dim).items():
        product: tuple[float, float] = (1, 1)
        for atom in monomial:
            corners = [_times(p, q) for p in product for q in _bounds(atom)]
            product = (min(corners), max(corners))
        ends = (_times(product[0], factor), _times(product[1], factor))
        low, high = low + min(ends), high + max(ends)
    return low, high


def _times(a: float, b: float) -> float:
    """The product, in exact integers where both are finite."""
    return 0 if a == 0 or b == 0 else a * b


def _lower(dim: Dim) -> float:
    return _range(dim)[0]


def _upper(dim: Dim) -> float:
    return _range(dim)[1]


class _Parser:
    """Recursive descent over `expr = term (("+"|"-") term)*`, `term = factor ("*" factor)*`."""

    def __init__(self, text: str, minimums: Mapping[str, int]) -> None:
        self.minimums = minimums
        if len(text) > MAXIMUM_LENGTH:
            raise FormatError(f"a dimension of {len(text)} characters; at most {MAXIMUM_LENGTH} are read")
        self.text = text
        self.tokens: list[str] = re.findall(r"\s*([0-9]+|[A-Za-z_][A-Za-z0-9_]*|[-+*(),]|\S)", text)
        self.at = 0

    def parse(self) -> Dim:
        dim = self._sum(0)
        if self.at != len(self.tokens):
            raise self._error()
        if isinstance(dim, int) and abs(dim) > LARGEST:
            raise FormatError(f"the dimension {_short(self.text)!r} is 2⁵³ or more")
        return dim

    def _error(self) -> FormatError:
        found = repr(self.tokens[self.at]) if self.at < len(self.tokens) else "end"
        return FormatError(f"cannot read the dimension {_short(self.text)!r}: unexpected {found}")

    def _take(self, *wanted: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at] in wanted:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._error()

    def _sum(self, depth: int) -> Dim:
        dim = self._product(depth)
        while sign := self._take("+", "-"):
            term = self._product(depth)
            dim = dim + term if sign == "+" else dim - term
        return dim

    def _product(self, depth: int) -> Dim:
        dim = self._factor(depth)
        while self._take("*"):
            dim = dim * self._factor(depth)
        return dim

    def _factor(self, depth: int) -> Dim:
        if depth > MAXIMUM_DEPTH:
            raise FormatError(f"the dimension {_short(self.text)!r} is nested more than {MAXIMUM_DEPTH} deep")
        if self._take("-"):
            return self._factor(depth + 1) * -1
        if self._take("("):
            dim = self._sum(depth + 1)
            self._expect(")")
            return dim
        if self.at >= len(self.tokens):
            raise self._error()
        token = self.tokens[self.at]
        if token.isascii() and token.isdigit():
            self.at += 1
            if len(token) > 16 or int(token) > LARGEST:
                raise FormatError(f"the dimension {_short(self.text)!r} has a number of 2⁵³ or more")
            return int(token)
        if not _NAME.match(token):
            raise self._error()
        self.at += 1
        if token in _FUNCTIONS:
            self._expect("(")
            a = self._sum(depth + 1)
            self._expect(",")
            b = self._sum(depth + 1)
            self._expect(")")
            return apply(token, a, b)
        return symbol(token, self.minimums.get(token, 1))
