"""What count rules and ledgers count: things that happened at an instant."""
