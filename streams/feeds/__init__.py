"""The feeds: what platforms and carriers push, or answer when polled, as events."""
