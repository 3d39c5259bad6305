"""Does a run say at its end what ran, and what did not and why?"""

pytest_plugins = ["pytester"]

SUITE = """
import pytest

def test_it_holds(record_property):
    record_property("answer", "3 ms")

@pytest.mark.slow
def test_it_holds_at_size(): ...

def test_it_needs_a_tool():
    pytest.skip("NOT RUN: needs a hammer")

def test_it_fails():
    assert False
"""
PLUGIN = """
from tests.told import (
    pytest_collection_modifyitems, pytest_deselected, pytest_sessionfinish, pytest_terminal_summary,
    pytest_testnodedown,
)
"""


def test_a_run_ends_with_what_ran_and_what_did_not(pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = slow: later")
    pytester.makeconftest(PLUGIN)
    folder = pytester.mkpydir("faults")
    (folder / "test_it.py").write_text(SUITE)
    told = pytester.runpytest_inprocess("-m", "not slow", "-p", "no:cacheprovider").stdout
    told.fnmatch_lines(["measured: answer: 3 ms *", "| kind | passed | failed | not run | *"])
    told.fnmatch_lines(["| rules | 1 | 1 | 2 | *", "| together | 1 | 1 | 2 | *"])
    told.fnmatch_lines_random(
        ["NOT RUN: 1 × rules: left for make faults", "NOT RUN: 1 × rules: needs a hammer"]
    )
