"""History and the packs' own tests through the engine."""
