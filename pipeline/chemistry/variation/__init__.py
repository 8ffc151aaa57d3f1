"""Makes new structures from known ones: mutations, crossings, and groups on a scaffold that is kept."""
