"""`python -m webkiln.codegen`: the one build command."""

import sys

from webkiln.codegen.build import build
from webkiln.errors import WebkilnError

if __name__ == "__main__":
    try:
        build()
    except WebkilnError as error:
        sys.exit(f"error: {error}")
