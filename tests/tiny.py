"""What stands in tests/city, and how is a 汉字 known?"""

import re

TIERS = (
    "99/",
    "99/9901/",
    "99/9901/9901-1/",
    "99/9901/9901-1/9901-1-1/",
    "99/9901/9901-1/9901-1-1/9901-1-1-1/",
)
"""One place of every tier, each in the one before it."""
SIBLING = "99/9902/"
HAN = re.compile(r"[\u4e00-\u9fff]")
