"""Views: the contents of the compacted topics, kept in memory so that any worker answers for any shop."""
