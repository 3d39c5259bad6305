"""Which errors mean that the database cannot answer just now?"""

from data.db import OUTAGE, SPENT, is_broken, is_full

__all__ = ["OUTAGE", "SPENT", "is_broken", "is_full"]
