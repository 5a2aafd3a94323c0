"""What the compacted topics say, kept at hand in memory so that any worker answers for any shop."""
