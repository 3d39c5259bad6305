"""A city whose codes begin with one another."""

from pathlib import Path

SIBLINGS = ["a", "1-2", "1", "B", "10", "1.5", "_", "1_"]
SIGN = """code,name_en,domain,unit,period,tier,kind,direction,fold_time,fold_space,weight
S,Sign,dom,m,1h,2,,N,mean,sum,1
"""


def write(folder: Path) -> Path:
    city = 'root = "R"\nname_en = "R"\ntimezone = "UTC"\nlanguages = ["en"]\n'
    places = "".join(f"{code},R,{code}\n" for code in SIBLINGS)
    for name, text in (
        ("city.toml", city),
        ("places.csv", f"code,parent,name_en\nR,,R\n{places}"),
        ("signs.csv", SIGN),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder
