"""Writes numbers, tables, plots and notebook cards as every face of the project shows them."""
