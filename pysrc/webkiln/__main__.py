"""`python -m webkiln`."""

from webkiln.cli import main

main()
