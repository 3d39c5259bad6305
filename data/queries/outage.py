"""Which errors mean that the database cannot answer just now?"""

from data.db import OUTAGE, is_full

__all__ = ["OUTAGE", "is_full"]
