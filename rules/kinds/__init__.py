"""The kinds of rule: what a pack may write, and how each kind is evaluated."""
