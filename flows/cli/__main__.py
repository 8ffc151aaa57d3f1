"""Lets `python -m flows.cli` run the command line."""

from flows.cli.main import main

main()
