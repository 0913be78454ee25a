"""The pages, which any static server serves."""

from __future__ import annotations

from webkiln.handover.facts import Facts
from webkiln.handover.snippets import script_tag
from webkiln.handover.templating import render as render_template


def render(template: str, facts: Facts, *, has_reference: bool) -> str:
    """`index.html.j2` or `verify.html.j2`; `has_reference`: reference.json lies beside it."""
    return render_template(
        template,
        facts=facts,
        address=facts.address,
        reference="reference.json" if has_reference else "",
        snippet=script_tag(facts),
    )
