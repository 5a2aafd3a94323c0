"""What a field takes whose values are a closed list, for those who wrote another one."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")

_Place = tuple[inspect.Type, Any]
"""A type, and the value that it should have."""


def choices(kind: Any, value: Any, where: str) -> list[str]:
    """What the place `where` of a value takes, as msgspec's errors name it (`$.rules[0].kind`, or a mapping's key as
    "`key` in `$.its.path`"); empty where it is no closed list."""
    of_key, path = where.startswith("key` in `"), where.rpartition("$")[2]
    places: list[_Place] = [(inspect.type_info(kind), value)]
    tags: list[str] = []
    for step in _STEP.finditer(path):
        name, index = step.groups()
        tags = [str(each.tag) for each in _structs(places) if each.tag_field == name]
        places = list(_fields(places, name) if name else _items(places, index))
    if of_key:
        places = [(each.key_type, None) for each, _ in _parts(places) if isinstance(each, inspect.DictType)]
    listed = (each.values for each, _ in _parts(places) if isinstance(each, inspect.LiteralType))
    return list(dict.fromkeys([*tags, *(str(one) for each in listed for one in each)]))


def _parts(places: list[_Place]) -> Iterator[_Place]:
    """The places, with each type that a union may be."""
    for kind, value in places:
        if isinstance(kind, inspect.UnionType):
            yield from _parts([(each, value) for each in kind.types])
        elif isinstance(kind, inspect.Metadata):
            yield from _parts([(kind.type, value)])
        else:
            yield kind, value


def _structs(places: list[_Place]) -> Iterator[inspect.StructType]:
    return (kind for kind, _ in _parts(places) if isinstance(kind, inspect.StructType))


def _fields(places: list[_Place], name: str) -> Iterator[_Place]:
    """A field of the structs; of several by tag, that of the one whose tag is written."""
    for kind, value in _parts(places):
        if not isinstance(kind, inspect.StructType) or not isinstance(value, dict):
            continue
        if kind.tag_field is None or value.get(kind.tag_field, kind.tag) == kind.tag:
            yield from ((each.type, value.get(name)) for each in kind.fields if each.encode_name == name)


def _items(places: list[_Place], index: str) -> Iterator[_Place]:
    """An item of the lists, or (`...`) any value of the mappings and lists."""
    for kind, value in _parts(places):
        if isinstance(kind, inspect.DictType):
            yield from ((kind.value_type, each) for each in (value.values() if isinstance(value, dict) else ()))
        elif isinstance(kind, inspect.ListType | inspect.VarTupleType) and isinstance(value, list):
            some = value if index == "..." else value[int(index) : int(index) + 1]
            yield from ((kind.item_type, each) for each in some)


def is_of_a_list(error: msgspec.ValidationError) -> bool:
    """Whether what is wrong is that a value is none of a closed list."""
    return str(error).startswith(("Invalid enum value", "Invalid value"))
