"""Shows a report as one page: its sections, plots and tables, and the tool that it carries."""
