"""Shows how far work is: on a terminal, in a notebook, and in a file that others read."""
