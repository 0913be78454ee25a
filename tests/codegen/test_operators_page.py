"""docs/operators.md is the operator table."""

from __future__ import annotations

from webkiln.codegen.documentation import COMMAND, PAGE, operators_page
from webkiln.ops import OPERATORS, Unavailable


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == operators_page(OPERATORS), f"docs/operators.md is stale; run: {COMMAND}"


def test_rendering_is_pure() -> None:
    assert operators_page(OPERATORS) == operators_page(dict(OPERATORS))


def test_every_operator_has_all_its_facts() -> None:
    page = operators_page(OPERATORS)
    for name, operator in OPERATORS.items():
        assert page.count(f"\n### {name}\n") == 1
        section = page.split(f"\n### {name}\n")[1].split("\n### ")[0].split("\n## ")[0]
        for fact in ("Inputs", "Dtypes", "Tolerance", "Gradient", "Layout"):
            assert f"- {fact}: " in section, (name, fact)
        assert operator.tolerance.reason in section
        for attribute in operator.attributes:
            assert f"`{attribute}`" in section
        for column in (operator.layout, operator.gradient):
            if isinstance(column, Unavailable):
                assert column.reason in section
