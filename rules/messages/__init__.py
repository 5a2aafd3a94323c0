"""Events that come in and alerts that go out."""
