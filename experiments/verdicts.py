"""Compute the verdicts of the hypotheses again, from the committed tables, by pandas alone.

    python experiments/verdicts.py

`docs/hypotheses/runs-H*.csv.gz` holds one row per simulation: territory, rules, arm, replicate,
outcomes; territory "all" is the mean over territories, replicate by replicate. `formulas.csv` says
what each contrast is: coefficient of an outcome in an arm, expected sign, smallest effect that
matters, whether replicates 2k and 2k + 1 share their parameters (they then count as one).
Student's quantile stands in the column `critical` of the shipped verdicts.
Exit code 1 if any estimate, interval or verdict is another one than the shipped one.
"""

import sys
from pathlib import Path

import pandas as pd

root = Path(__file__).resolve().parents[1]
tables = root / "docs" / "hypotheses"
keys = ["hypothesis", "contrast", "territory", "rules"]
shipped = pd.read_csv(root / "src/cosim/data/hypotheses/verdicts.csv", keep_default_na=False)
formulas = pd.read_csv(tables / "formulas.csv", keep_default_na=False, dtype={"arm": str})


def verdict(estimate, low, high, sign, margin):
    """Say what an interval says of the sign that was expected."""
    if sign == "":
        return ""
    if sign == "-":
        estimate, low, high = -estimate, -high, -low
    if sign == "0":
        inside, outside = -margin <= low and high <= margin, low > margin or high < -margin
    elif sign == "<=":
        inside, outside = high <= margin, low > margin
    else:
        inside, outside = low > 0 and estimate >= margin, high < margin or high <= 0
    return "supported" if inside else "contradicted" if outside else "undecided"


rows = []
for (hypothesis, contrast), terms in formulas.groupby(["hypothesis", "contrast"], sort=False):
    runs = pd.read_csv(tables / f"runs-{hypothesis}.csv.gz", dtype={"arm": str})
    by_arm = runs.set_index(["territory", "rules", "replicate", "arm"]).unstack("arm")
    value = sum(t.coefficient * by_arm[t.outcome][t.arm] for t in terms.itertuples())
    mean = pd.concat({"all": value.groupby(["rules", "replicate"]).mean()}, names=["territory"])
    value = pd.concat([value, mean])
    for (territory, rules), one in value.groupby(["territory", "rules"], sort=False):
        apart = one
        if terms["pairs"].all():
            pair = one.index.get_level_values("replicate") // 2
            apart = one.groupby(pair).mean()[one.groupby(pair).count() == 2]
        rows.append([hypothesis, contrast, territory, rules, one.mean(), apart.sem(), terms])

found = pd.DataFrame(rows, columns=[*keys, "estimate", "error", "terms"])
both = shipped.merge(found, on=keys, suffixes=("", "_again"), validate="one_to_one")
assert len(both) == len(shipped) == len(found)
margin = both["critical"] * both["error"]
both["low_again"], both["high_again"] = (
    both["estimate_again"] - margin,
    both["estimate_again"] + margin,
)
both["verdict_again"] = [
    verdict(r.estimate_again, r.low_again, r.high_again, r.sign, r.margin)
    for r in both.itertuples()
]
wrong = both["verdict"] != both["verdict_again"]
for name in ("estimate", "low", "high"):
    wrong |= (both[name] - both[f"{name}_again"]).abs() > 1e-7 * (1 + both[name].abs())
print(both[both["sign"] != ""].pivot_table(
    index=["hypothesis", "rules"], columns="verdict_again", values="n", aggfunc="size",
    fill_value=0, sort=False).to_string())  # fmt: skip
print(f"{len(both)} estimates computed again, {int(wrong.sum())} differ.")
sys.exit(int(wrong.any()))
