"""The rows of a table as tests look at them."""

import types


def rows(table):
    """One object a row: `data` by field, as programs get it, and `shown` by heading, as people see it."""
    pairs = zip(table.frame.to_dict("records"), table.shown.to_dict("records"), strict=True)
    return [types.SimpleNamespace(data=data, shown=shown) for data, shown in pairs]
