"""By what is it known which worker leads?"""

LEADER = 80  # the lock of whoever has the seat
LEASE = 15.0  # seconds; who says nothing for so long has lost it: the server ends his connection
