"""Two-way fixed effects on a million rows, and 500 corrected panel models; CPU seconds beside a peer of the same run.

pyfixest is the peer where it is installed: in this Python, or in the one that PYFIXEST_PYTHON names (it brings 200 MB
that joyeval does not need). Elsewhere statsmodels on written-out dummies, on the largest panel it can carry.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from joyeval.models.panel.linear import regression
from joyeval.outcomes.plan import explore

TEAMS, PERIODS = 10_000, 100
SMALL_TEAMS, SMALL_PERIODS = 200, 40
FORMULA = "y ~ a + b + c"
PEER = """
import time, sys
import numpy as np, pandas as pd, pyfixest
from benchmarks.bench_panel import panel
data = panel(int(sys.argv[1]), int(sys.argv[2]))
pyfixest.feols("y ~ a + b + c | team + period", data.head(5000), vcov={"CRV1": "trust"})
start = time.process_time()
fit = pyfixest.feols("y ~ a + b + c | team + period", data, vcov={"CRV1": "trust"})
print(time.process_time() - start, *fit.se())
"""


def panel(teams: int, periods: int, seed: int = 0) -> pd.DataFrame:
    """Make an unbalanced panel with three regressors; trusts of 50 teams."""
    rng = np.random.default_rng(seed)
    team, period = np.repeat(np.arange(teams), periods), np.tile(np.arange(periods), teams)
    kept = rng.random(len(team)) < 0.95
    data = pd.DataFrame({"team": team[kept], "period": period[kept]})
    X = rng.normal(size=(len(data), 3))
    data[["a", "b", "c"]] = X
    own, common = rng.normal(size=teams), rng.normal(size=periods)
    data["y"] = X @ [0.5, 0.2, 0.0] + own[data["team"]] + common[data["period"]] + rng.normal(size=len(data))
    return data.assign(trust=data["team"] // 50)


def ours(data: pd.DataFrame) -> tuple[float, np.ndarray]:
    regression(FORMULA, data.head(5000), absorb=("team", "period"), cluster="team", errors="CR1")  # imports not counted
    start = time.process_time()
    fit = regression(FORMULA, data, absorb=("team", "period"), cluster="trust", errors="CR1")
    return time.process_time() - start, fit.terms["se"].to_numpy()


def pyfixest(teams: int, periods: int) -> tuple[float, np.ndarray] | None:
    python = os.environ.get("PYFIXEST_PYTHON", sys.executable)
    call = [python, "-c", PEER, str(teams), str(periods)]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    if done.returncode:
        return None
    spent, *se = (float(part) for part in done.stdout.split())
    return spent, np.array(se)


def statsmodels(data: pd.DataFrame) -> tuple[float, np.ndarray]:
    from statsmodels.regression.linear_model import OLS

    dummies = [pd.get_dummies(data["team"], dtype=float), pd.get_dummies(data["period"], dtype=float).iloc[:, 1:]]
    X = pd.concat([data[["a", "b", "c"]], *dummies], axis=1).to_numpy()
    start = time.process_time()
    fit = OLS(data["y"].to_numpy(), X).fit(cov_type="cluster", cov_kwds={"groups": data["trust"].to_numpy()})
    return time.process_time() - start, fit.bse[:3]


def two_way() -> None:
    data = panel(TEAMS, PERIODS)
    spent, se = ours(data)
    print(f"two-way fixed effects, {len(data):,} rows, errors by trust: {spent:6.2f} CPU s")
    if peer := pyfixest(TEAMS, PERIODS):
        print(f"  pyfixest, same rows: {peer[0]:6.2f} CPU s, {peer[0] / spent:.1f} times; "
              f"errors agree to {np.abs(se / peer[1] - 1).max():.0e}")  # fmt: skip
        return
    small = panel(SMALL_TEAMS, SMALL_PERIODS)
    spent, _ = ours(small)
    peer, _ = statsmodels(small)
    print(f"  on {len(small):,} rows: {spent:.3f} CPU s, statsmodels with dummies {peer:.2f}, {peer / spent:.0f} times")


def many() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame([(team, period) for team in range(70) for period in range(36)], columns=["team", "period"])
    names = [f"{kind}{i}" for kind in "xy" for i in range(10)]
    data[names] = rng.normal(size=(len(data), 20))
    explore(data, y=["y0"], x=["x0"])
    start = time.process_time()
    found = explore(data, y=names[10:], x=names[:10], lags=range(5))
    print(f"{found.n} models with CR2 errors, 70 teams x 36 months: {time.process_time() - start:6.2f} CPU s")


def main() -> None:
    two_way()
    many()


if __name__ == "__main__":
    main()
