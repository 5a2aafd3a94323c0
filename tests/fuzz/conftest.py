"""How much of the corpus is run."""

import pytest


@pytest.fixture
def share(request: pytest.FixtureRequest) -> float:
    """A tenth of the corpus, or all of it with `--fuzz-all` (`make fuzz`)."""
    return 1.0 if request.config.getoption("--fuzz-all") else 0.1
