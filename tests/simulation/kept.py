"""Seeds that once failed, and why: they are run for ever, however many others are."""

KEPT: dict[int, str] = {
    0: "of two reports of one id in a batch, the first one's refusal was given for the second too",
    1: "of a key that a file names twice, --replace kept the first value and the last in turn",
    12: "a real reading was refused because the simulator had claimed its series a moment before",
}
