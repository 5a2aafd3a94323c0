"""A price that must have held before a promotion."""

from tests.rules.conformance.example import Example, own
from tests.rules.conformance.examples.event import prices, promotes

HOLD = own("spacing", ("due_soon", "overdue"), price_holds="60d")

EXAMPLES = [Example("promotions", [HOLD], [prices, promotes], [*prices(0, "0h"), *promotes(0, "1h")], "1500h")]
