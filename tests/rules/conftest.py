"""How many examples hypothesis tries. `usual`, the default, which CI runs, tries the same ones every time. So do
`quick`, which `make test` uses, and `steady`, for whoever changes what a property holds: CI would spend four minutes of
CPU time in every run on what one run has shown. `HYPOTHESIS_PROFILE=explore` tries others each time, and very many.
"""

import os

from hypothesis import settings

settings.register_profile("usual", derandomize=True, database=None, deadline=None, max_examples=150)
settings.register_profile("steady", settings.get_profile("usual"), max_examples=400)
settings.register_profile("quick", settings.get_profile("usual"), max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))
