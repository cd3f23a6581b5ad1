"""Rows that are written once: the database itself refuses to change them.

A fact is protected by a trigger against UPDATE and DELETE, also from psql. TRUNCATE is refused by
the slices' own guard (qms.partitions) or, for plain tables, by ``NEVER_EMPTIED``.
"""

from typing import Any

import pghistory
import pgtrigger

NEVER_CHANGED = pgtrigger.Protect(
    name="fact_never_changed", operation=pgtrigger.Update | pgtrigger.Delete
)

# Retention and test runs say "SET andon.maintenance = on" first; an accident does not.
NEVER_EMPTIED = pgtrigger.Trigger(
    name="fact_never_emptied",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="""
        IF current_setting('andon.maintenance', true) = 'on' THEN RETURN NULL; END IF;
        RAISE EXCEPTION 'andon: % holds facts and is never emptied', TG_TABLE_NAME;
    """,
)


def history(**options: Any) -> Any:
    """Keep the former versions of a row: its history is made of facts, too.

    Against UPDATE and DELETE it is protected by ``settings.PGHISTORY_APPEND_ONLY``.
    """
    return pghistory.track(meta={"triggers": [NEVER_EMPTIED]}, **options)


def changed_by(actor: str) -> Any:
    """Write this name beside each version that is kept within the ``with`` block.

    Outside of it nothing is added to a statement, so that taking in pictures costs no more.
    """
    return pghistory.context(actor=actor)
