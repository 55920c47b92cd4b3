"""Print the false-alarm table of docs/improvement.md: python -m benchmarks.false_alarm_table (a CPU minute)."""

from __future__ import annotations

from joyeval.improvement import RULES, Design, RuleSet, false_alarm_rate

SERIES = 10_000  # standard error at most 0.5 points
COLUMNS = {
    "24 points": Design(points=24),
    "52 points": Design(points=52),
    "104 points": Design(points=104),
    "52, shares of about 9": Design(kind="p'", points=52, denominator=9, varying=True, level=0.6),
    "52, shares, baseline 20": Design(kind="p'", points=52, denominator=9, varying=True, level=0.6, baseline=20),
    "52, shares, baseline 12": Design(kind="p'", points=52, denominator=9, varying=True, level=0.6, baseline=12),
}


def rates(rules: RuleSet) -> list[str]:
    """Return the rates of one rule set in per cent; IHI's are for run charts, as they were made for them."""
    kind = {"kind": "run"} if rules.name == "ihi-run" else {}
    designs = [Design(**{**vars(design), **kind}) for design in COLUMNS.values()]
    return [f"{100 * false_alarm_rate(design, rules=rules, series=SERIES):.0f}" for design in designs]


def main() -> None:
    print(f"| rule set | {' | '.join(COLUMNS)} |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for rules in RULES.values():
        print(f"| `{rules.name}` | {' | '.join(rates(rules))} |")
    only_runs = RuleSet(name="runs only", title="", source="", runs="anhoej", beyond=False)
    print(f"| Anhøj runs tests alone | {' | '.join(rates(only_runs))} |")


if __name__ == "__main__":
    main()
