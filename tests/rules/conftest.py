"""How hard hypothesis looks. `HYPOTHESIS_PROFILE=explore` looks at random and for long; the default is the same
every time, and so is `quick`, which `make test` uses."""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None, deadline=None, max_examples=400)
settings.register_profile("quick", settings.get_profile("steady"), max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
