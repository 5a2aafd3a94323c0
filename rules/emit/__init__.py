"""What should be open against what was last emitted, and the records that say the difference."""
