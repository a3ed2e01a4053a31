"""The public surface: sorted, complete, documented."""

import inspect

import hybrid


def test_exported_names_are_sorted_and_unique() -> None:
    assert hybrid.__all__ == sorted(set(hybrid.__all__), key=str)


def test_exported_names_exist() -> None:
    assert [name for name in hybrid.__all__ if not hasattr(hybrid, name)] == []


def test_exported_names_have_a_docstring() -> None:
    assert [name for name in hybrid.__all__ if not inspect.getdoc(getattr(hybrid, name))] == []


def test_names_from_inside_are_either_exported_or_modules() -> None:
    loose = {
        name
        for name, value in vars(hybrid).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name not in hybrid.__all__
    }
    assert loose == set()
