"""JMESPath expressions that say where a value is in a message, checked when a source file is read."""

from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError


class _Functions(functions.Functions):
    """JMESPath's own functions, and `get(object, name)`: the field whose name is itself a value (a setting)."""

    @functions.signature({"types": ["object"]}, {"types": ["string", "null"]})
    def _func_get(self, fields: dict[str, Any], name: str | None) -> Any:
        return fields.get(name) if name else None


_OPTIONS = jmespath.Options(custom_functions=_Functions())


class Path:
    """One JMESPath expression. Raises ValueError for one that can't be read."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: Any) -> None:
        if not isinstance(text, str) or not text:
            raise ValueError(f"{text!r} is no path; write it like data.order_sn")
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            raise ValueError(f"{text!r} is no JMESPath expression: {str(error).splitlines()[0]}") from None

    def search(self, scope: Any) -> Any:
        """The value at the path, None if there is none. Raises ValueError if a function can't take its argument."""
        try:
            return self._compiled.search(scope, options=_OPTIONS)
        except JMESPathError as error:
            raise ValueError(f"{self.text}: {str(error).splitlines()[0]}") from None
