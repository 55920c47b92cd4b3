"""The mean of every tie at every wave, when respondents are a sample: one mixed model by REML.

Each tie (rating group x rated group) has its own fixed mean at each wave, so nothing is assumed about how ties differ
or change. What is random is who answered: the rater, the rater in one wave, the rater with one target, and the rest.
Raters belong to one rating group, so the fixed means fall into independent blocks, one per rating group, and each
rater enters through a few sums; the cost is linear in raters and in sites.

Three modules maximise a restricted likelihood, because none of them can do another's work within its cost.
`models.mixed` gives the numbers of this one (a test holds both together to 7 digits) but does not know of the blocks:
1.43 CPU seconds where this takes 0.04 (10 workgroups x 30 raters x 3 waves), and `power` fits a thousand. `round_robin`
has two covariances that no random effect stands for, so that it inverts the covariance of each group as it is: one of
its steps takes 0.99 seconds on 12 x 60 x 6 with each rater as a group, where all of this fit takes 0.32.

References
----------
Kenward & Roger (1997), Biometrics 53(3), 983-997, doi:10.2307/2533558 (small-sample covariance, degrees of freedom).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from joyeval.errors import ModelError
from joyeval.models.one_thread import one_thread

COMPONENTS = ("rater", "rater x wave", "rater x target", "residual")
MOST_STEPS = 60
NOTHING = 1e-12  # variance within ties below which all raters agree
ENDLESS = 1e7  # degrees of freedom beyond which t is normal
FEWEST_DF = 0.3  # degrees of freedom from which the spread of a workgroup is judged by itself
LEAST = 1e-6  # of the total variance; a smaller residual is as good as none, and algebra would fail on it
CLOSE = 1e-8  # of the total variance; a smaller step ends the search
AT_ONCE = 2_000_000  # contributions of raters to sums of cells that are held in memory


@dataclass(frozen=True, eq=False)
class Panel:
    """Ratings laid out over the cells (target x wave) of each rater's block.

    Parameters
    ----------
    y : ndarray, shape (raters, cells)
        0 where there is no rating.
    pattern : ndarray of int, shape (raters,)
        Which row of `seen` says what the rater rated.
    seen : ndarray of bool, shape (patterns, cells)
        Ordered by block; `count` raters have each, `starts` is where each block begins.
    Z : ndarray, shape (cells, q)
        Columns of the random effects; `part` names the component of each.
    """

    y: np.ndarray
    pattern: np.ndarray
    seen: np.ndarray
    count: np.ndarray
    starts: np.ndarray
    Z: np.ndarray
    part: np.ndarray
    names: tuple[str, ...]

    @cached_property
    def block_of_pattern(self) -> np.ndarray:
        """Block of each pattern."""
        sizes = np.diff(np.append(self.starts, len(self.seen)))
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def home(self) -> np.ndarray:
        """Block of each rater."""
        return self.block_of_pattern[self.pattern]

    @cached_property
    def raters(self) -> np.ndarray:
        """Raters of each cell, shape (blocks, cells)."""
        return np.add.reduceat(self.seen * self.count[:, None], self.starts)

    @cached_property
    def products(self) -> np.ndarray:
        """Z'Z of each pattern, shape (patterns, q, q)."""
        return self.Z.T @ (self.seen[:, :, None] * self.Z)

    def rest(self, mean: np.ndarray) -> np.ndarray:
        """Ratings less the mean of their cell (blocks, cells)."""
        return (self.y - mean[self.home]) * self.seen[self.pattern]

    def sum(self, columns: np.ndarray) -> np.ndarray:
        """Add up one vector per rater over each block."""
        out = np.zeros(self.raters.shape)
        np.add.at(out, self.home, columns)
        return out

    def spread(self, small: np.ndarray) -> np.ndarray:
        """Sum Z G Z' over the raters of each block, G (patterns, q, q); cells not rated are left out."""
        return np.add.reduceat(self.Z @ small @ self.Z.T * self._pairs, self.starts)

    @cached_property
    def _pairs(self) -> np.ndarray:
        """How many raters of each pattern rated both of two cells."""
        return (self.seen[:, :, None] & self.seen[:, None, :]) * self.count[:, None, None].astype(float)


def panel(values: np.ndarray, *, rater: np.ndarray, block: np.ndarray, target: np.ndarray, wave: np.ndarray) -> Panel:
    """Lay ratings out over cells.

    Parameters
    ----------
    values : ndarray, shape (n,)
    rater, block, target, wave : ndarray of int, shape (n,)
        Codes from 0 without holes; `target` is numbered within the block, a rater lies in one block.
    """
    n_targets, n_waves, n_raters = target.max() + 1, wave.max() + 1, rater.max() + 1
    cell = target * n_waves + wave
    y, seen = np.zeros((n_raters, n_targets * n_waves)), np.zeros((n_raters, n_targets * n_waves), dtype=bool)
    y[rater, cell], seen[rater, cell] = values, True
    home = np.empty(n_raters, dtype=int)
    home[rater] = block
    rows, pattern, count = np.unique(np.column_stack([home, seen]), axis=0, return_inverse=True, return_counts=True)
    Z, part, names = _random_columns(seen.reshape(n_raters, n_targets, n_waves))
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    return Panel(y, pattern.ravel(), rows[:, 1:].astype(bool), count, starts, Z, part, names)


def _random_columns(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Columns of those components that the data tell apart; `seen` is (raters, targets, waves)."""
    _, T, W = seen.shape
    several_targets = (seen.sum(axis=1) > 1).any()
    several_waves = (seen.sum(axis=2) > 1).any()
    parts = [(COMPONENTS[0], np.ones((T * W, 1)))] if several_targets or several_waves else []
    if several_targets and several_waves:
        parts.append((COMPONENTS[1], np.tile(np.eye(W), (T, 1))))
        parts.append((COMPONENTS[2], np.repeat(np.eye(T), W, axis=0)))
    part = np.repeat(np.arange(len(parts)), [Z.shape[1] for _, Z in parts]).astype(int)
    Z = np.hstack([Z for _, Z in parts]) if parts else np.zeros((T * W, 0))
    return Z, part, (*(name for name, _ in parts), COMPONENTS[3])


@dataclass(frozen=True, eq=False)
class TieMeans:
    """Estimated mean of every cell of every block, and what contrasts of them need.

    Parameters
    ----------
    mean : ndarray, shape (blocks, cells)
        Missing where nobody rated.
    raters : ndarray of int, shape (blocks, cells)
    vcov, model_vcov : ndarray, shape (blocks, cells, cells)
        With and without the correction for estimated variances.
    slopes : ndarray, shape (K, blocks, cells, cells)
        Derivative of `model_vcov` in each variance.
    variances, spread : ndarray, shapes (K,), (K, K)
        Estimated variances, in the order of `names`, and their covariance.
    """

    mean: np.ndarray
    raters: np.ndarray
    vcov: np.ndarray
    model_vcov: np.ndarray
    slopes: np.ndarray
    names: tuple[str, ...]
    variances: np.ndarray
    spread: np.ndarray
    deviance: float
    scores: Scores

    def contrasts(
        self, weights: np.ndarray, block: np.ndarray, group: np.ndarray, *, alike: bool = True, pooled: bool = False
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return estimate, standard error and degrees of freedom of sums of weighted cells.

        Parameters
        ----------
        weights : ndarray, shape (rows, cells)
        block : ndarray of int, shape (rows,)
            Block that each row of weights is about.
        group : ndarray of int, shape (rows,)
            Rows of one group are added up; they must be about different blocks.
        alike : bool
            Whether the raters of all blocks are taken as equally variable. Else each block has a variance of its own,
            and degrees of freedom are Satterthwaite's over blocks.
        pooled : bool
            Where they are not alike: whether all rows of a block share its variance, as single ties do, for which one
            row has too few raters.
        """
        size = group.max() + 1
        each = np.einsum("lc,lc->l", weights, np.nan_to_num(self.mean[block]))
        estimate = np.bincount(group, each, size)
        variance, model = (_quadratic(weights, own[block]) for own in (self.vcov, self.model_vcov))
        variance = np.where(variance > 0, variance, model)  # the correction for very few raters can overshoot
        if not alike:
            factor, df = cautious(*self.scores.spreads(weights, block, pooled=pooled), variance, group)
            total = np.bincount(group, factor * variance, size)
            with np.errstate(divide="ignore", invalid="ignore"):
                df = total**2 / np.bincount(group, (factor * variance) ** 2 / df, size)
            return estimate, np.sqrt(total), np.minimum(np.where(np.isfinite(df), df, ENDLESS), ENDLESS)
        variance = np.bincount(group, variance, size)
        model = np.bincount(group, model, size)
        slope = np.stack([np.bincount(group, _quadratic(weights, s[block]), size) for s in self.slopes])
        uncertain = np.einsum("kg,kl,lg->g", slope, self.spread, slope)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = np.where(uncertain > 0, 2 * model**2 / uncertain, np.inf)
        return estimate, np.sqrt(variance), np.minimum(df, ENDLESS)


@dataclass(frozen=True, eq=False)
class Scores:
    """What each rater contributes to the means, from which is seen how far workgroups differ in spread.

    Parameters
    ----------
    data : Panel
    vcov : ndarray, shape (blocks, cells, cells)
    inner : ndarray, shape (patterns, q, q)
    residual : float
    weighed : ndarray, shape (raters, cells)
        V^-1 e of each rater.
    """

    data: Panel
    vcov: np.ndarray
    inner: np.ndarray
    residual: float
    weighed: np.ndarray

    def spreads(self, weights: np.ndarray, block: np.ndarray, *, pooled: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Observed over expected squares of raters' contributions to each weighted sum of cells, and its df.

        Expected is what the variances shared by all say, so that 1 means a workgroup as variable as all together. The
        degrees of freedom are Satterthwaite's (Bell & McCaffrey), 0 where no two raters of a cell can be compared.
        `pooled` averages over the rows of a block.
        """
        judge = self._pooled if pooled else self._spread
        ratio, df = np.ones(len(weights)), np.zeros(len(weights))
        pull = np.einsum("li,lij->lj", weights, self.vcov[block])
        place = _places(block)
        for blocks in self._batches(np.unique(block), int(place.max(initial=0)) + 1):
            rows = np.flatnonzero(np.isin(block, blocks))
            at = np.searchsorted(blocks, block[rows]), place[rows]
            laid_out = np.zeros((len(blocks), int(place[rows].max()) + 1, pull.shape[1]))
            laid_out[at] = pull[rows]
            ratio[rows], df[rows] = (np.broadcast_to(x, laid_out.shape[:2])[at] for x in judge(laid_out, blocks))
        return ratio, df

    def _batches(self, blocks: np.ndarray, rows: int) -> list[np.ndarray]:
        """Cut blocks into batches whose contributions fit into memory."""
        patterns = np.bincount(self.data.block_of_pattern, minlength=len(self.vcov))[blocks]
        each = rows * self.vcov.shape[1] * patterns.max(initial=1)
        pieces = min(len(blocks), 1 + len(blocks) * each // AT_ONCE)
        return np.array_split(blocks, pieces) if pieces else []

    @cached_property
    def squares(self) -> np.ndarray:
        """Sum of w w' over the raters of each block, w the weighed ratings of one; shape (blocks, cells, cells)."""
        out = np.zeros_like(self.vcov)
        members = np.argsort(self.data.home, kind="stable")
        ends = np.searchsorted(self.data.home[members], np.arange(len(out) + 1))
        for b in range(len(out)):
            own = self.weighed[members[ends[b] : ends[b + 1]]]
            out[b] = own.T @ own
        return out

    def _contributions(self, pull: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what each pattern of ratings adds to each sum, and how many raters have it (0: no such pattern).

        Shapes (blocks, rows, patterns, cells) and (blocks, patterns); `pull` is (blocks, rows, cells).
        """
        data = self.data
        inside = np.flatnonzero(np.isin(data.block_of_pattern, blocks))
        home = np.searchsorted(blocks, data.block_of_pattern[inside])
        place = _places(home)
        kinds, count = np.zeros((2, len(blocks), int(place.max()) + 1), dtype=int)
        kinds[home, place], count[home, place] = inside, data.count[inside]
        rated = data.seen[kinds][:, None]
        seen = pull[:, :, None, :] * rated
        effects = np.einsum("bpij,blpj->blpi", self.inner[kinds], seen @ data.Z)
        return (seen - (effects @ data.Z.T) * rated) / self.residual, count

    def _spread(self, pull: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each row by itself: `pull` (blocks, rows, cells)."""
        vcov = self.vcov[blocks, None]
        squares = ((pull @ self.squares[blocks]) * pull).sum(axis=2)
        h, count = self._contributions(pull, blocks)
        count = count[:, None]
        alone = (h * pull[:, :, None]).sum(axis=3)
        shared = ((h @ vcov) * h).sum(axis=3)
        together = (h * count[..., None]).swapaxes(2, 3) @ h @ vcov
        expected = ((alone - shared) * count).sum(axis=2)
        spread = ((alone**2 - 2 * alone * shared) * count).sum(axis=2)
        spread += (together * together.swapaxes(2, 3)).sum((2, 3))
        known = expected > NOTHING + 1e-6 * (alone * count).sum(axis=2)
        ratio = np.where(known, squares / np.where(known, expected, 1), 1.0)
        return ratio, np.where(known & (spread > 0), expected**2 / np.where(spread > 0, spread, 1), 0.0)

    def _pooled(self, pull: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Average over the rows of each block, each in units of what is expected of it.

        Contributions of rater r to rows l and m have the covariance `alone` less `shared`, those of two raters minus
        `shared` alone; the variance of a sum of squares is twice the sum of squares of all of these.
        """
        vcov = self.vcov[blocks]
        h, count = self._contributions(pull, blocks)
        by_pattern = h.swapaxes(1, 2)
        alone = by_pattern @ pull[:, None].swapaxes(2, 3)  # (blocks, patterns, m, l), symmetric in m and l
        shared = by_pattern @ vcov[:, None] @ by_pattern.swapaxes(2, 3)
        own, expected = (np.einsum("bpll,bp->bl", part, count) for part in (alone, alone - shared))
        known = expected > NOTHING + 1e-6 * own
        unit = np.where(known, 1 / np.sqrt(np.where(known, expected, 1)), 0.0)
        pair = (unit[:, :, None] * unit[:, None, :])[:, None]
        squares = (((pull @ self.squares[blocks]) * pull).sum(axis=2) * unit**2).sum(axis=1)
        scaled = by_pattern * (unit[:, None, :, None] * np.sqrt(count)[..., None, None])
        flat = scaled.reshape(len(blocks), -1, scaled.shape[-1])
        together = flat.swapaxes(1, 2) @ flat @ vcov
        spread = np.einsum("bplm,bp->b", pair**2 * (alone**2 - 2 * alone * shared), count)
        spread += (together * together.swapaxes(1, 2)).sum((1, 2))
        rows = known.sum(axis=1)
        ratio = np.where(rows > 0, squares / np.maximum(rows, 1), 1.0)
        df = np.where(rows > 0, rows**2 / np.where(rows > 0, spread, 1), 0.0)
        return ratio[:, None], df[:, None]


def _places(codes: np.ndarray) -> np.ndarray:
    """Return how many entries of the same code come before each."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    place = np.empty(len(codes), dtype=int)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place


def cautious(ratio: np.ndarray, df: np.ndarray, variance: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, ...]:
    """Factor of the variance of each row, and its degrees of freedom.

    A workgroup that looks quieter than all together is drawn towards them as by one more degree of freedom, a louder
    one is not: in simulations raw ratios of few raters let intervals fall short. One of which nothing is known is taken
    to be as the others of its group, and no quieter than all.
    """
    known = df > FEWEST_DF
    factor = np.where(known, np.maximum(ratio, (df * ratio + 1) / (df + 1)), 0.0)
    size = group.max() + 1
    weight = np.bincount(group, variance * known, size)
    others = np.bincount(group, variance * factor, size) / np.where(weight > 0, weight, 1)
    factor = np.where(known, factor, np.maximum(others, 1)[group])
    return factor, np.where(known, df, 1.0)


def _quadratic(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.einsum("li,lij,lj->l", weights, matrix, weights, optimize=True)


@dataclass(frozen=True, eq=False)
class _State:
    """Everything at one set of variances, the residual last.

    `precision` (blocks, cells, cells) is X'V^-1 X and `vcov` its inverse; `inner` and `keep` (patterns, q, q) give
    V^-1 = (I - Z inner Z') / residual and V^-1 Z = Z keep / residual; `squares` (K,) is e'V^-1 K_k V^-1 e.
    """

    variances: np.ndarray
    deviance: float
    mean: np.ndarray
    precision: np.ndarray
    vcov: np.ndarray
    keep: np.ndarray
    squares: np.ndarray
    inner: np.ndarray
    weighed: np.ndarray


@dataclass(frozen=True, eq=False)
class _Moments:
    """Score and information of the variances; `S` X'V^-1 K_k V^-1 X and `Q` X'V^-1 K_k V^-1 K_l V^-1 X per block."""

    score: np.ndarray
    information: np.ndarray
    S: np.ndarray
    Q: np.ndarray


@one_thread
def tie_means(data: Panel) -> TieMeans:
    """Fit by REML with Fisher scoring; a variance that would be negative is 0.

    Raises
    ------
    ModelError
        As many means as ratings, or no variation left within them.
    """
    state = _evaluate(data, _start(data))
    moments = _moments(data, state)
    for _ in range(MOST_STEPS):
        after = _step(data, state, moments)
        moved = np.abs(after.variances - state.variances).max()
        state, moments = after, _moments(data, after)
        if moved < CLOSE * state.variances.sum():
            break
    return _small_sample(data, state, moments)


def _start(data: Panel) -> np.ndarray:
    """Equal shares of the variance within cells."""
    raters = data.raters
    free = int(raters.sum() - (raters > 0).sum())
    if free < 1:
        raise ModelError(
            f"{int(raters.sum())} ratings for {int((raters > 0).sum())} means of ties: with one rater for each, "
            "nothing says how far raters differ; more raters per workgroup are needed"
        )
    mean = data.sum(data.y) / np.maximum(raters, 1)
    variance = (data.rest(mean) ** 2).sum() / free
    if not variance > NOTHING:
        raise ModelError("all raters of each tie gave the same score; nothing is left to judge a change by")
    return np.full(len(data.names), variance / len(data.names))


def _evaluate(data: Panel, variances: np.ndarray) -> _State:
    # V = residual I + Z S Z' of one rater is never formed. With R = sqrt(S / residual) and H = I + R Z'Z R, which is no
    # smaller than I and so safe to invert even where a variance is 0: V^-1 = (I - Z inner Z') / residual, inner =
    # R H^-1 R, and log|V| = cells log(residual) + log|H|. Raters who rated the same cells share all of it (a pattern).
    # Then X'V^-1 X falls into one small matrix per block; cells that nobody rated get a 1 to stay out of the way.
    residual, identity = variances[-1], np.eye(len(data.part))
    root = np.sqrt(variances[data.part] / residual)
    H = identity + root[:, None] * data.products * root
    inner = root[:, None] * np.linalg.inv(H) * root
    keep = identity - inner @ data.products
    precision = (_diagonal(data.raters) - data.spread(inner)) / residual
    filled = precision + _diagonal(data.raters == 0)
    vcov = np.linalg.inv(filled) - _diagonal(data.raters == 0)
    mean = np.einsum("aij,aj->ai", vcov, data.sum(_weigh(data, inner, data.y)) / residual)
    rest = data.rest(mean)
    weighed = _weigh(data, inner, rest) / residual
    misfit = float((rest * weighed).sum())
    effects = np.einsum("rij,ri->rj", keep[data.pattern], rest @ data.Z) / residual
    squares = np.bincount(data.part, (effects**2).sum(axis=0), len(variances) - 1)
    logdet = data.count @ (data.seen.sum(axis=1) * np.log(residual) + np.linalg.slogdet(H)[1])
    deviance = float(logdet + np.linalg.slogdet(filled)[1].sum() + misfit)
    squares = _complete(squares, variances, misfit)
    return _State(variances, deviance, mean, precision, vcov, keep, squares, inner, weighed)


def _weigh(data: Panel, inner: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """V^-1, in units of the residual variance, times one vector per rater."""
    effects = np.einsum("rij,rj->ri", inner[data.pattern], columns @ data.Z)
    return columns - (effects @ data.Z.T) * data.seen[data.pattern]


def _complete(parts: np.ndarray, variances: np.ndarray, total: np.ndarray | float) -> np.ndarray:
    """Add the residual's part, from the sum of variance x part over all components."""
    shape = parts.shape[1:]
    known = (variances[:-1] @ parts.reshape(len(parts), prod(shape))).reshape(shape)
    return np.concatenate([parts, ((total - known) / variances[-1])[None]])


def _moments(data: Panel, at: _State) -> _Moments:
    # All moments are sums over raters of Z'V^-1 Z and X'V^-1 Z, small matrices per pattern of ratings. The residual's
    # part need not be formed: the sum of variance x part over components is that of V itself (`_complete`), as V^-1 V
    # = I.
    s, residual, counts = at.variances, at.variances[-1], data.count
    W = data.products @ at.keep / residual  # Z'V^-1 Z
    pick = [np.flatnonzero(data.part == k) for k in range(len(s) - 1)]
    columns = [at.keep[:, :, k] for k in pick]
    S, Q = np.zeros((len(pick), *at.vcov.shape)), np.zeros((len(pick), len(pick), *at.vcov.shape))
    t, T = np.zeros(len(pick)), np.zeros((len(pick), len(pick)))
    for k, left in enumerate(pick):
        S[k] = data.spread(columns[k] @ columns[k].transpose(0, 2, 1)) / residual**2
        t[k] = counts @ np.einsum("uii->u", W[:, left][:, :, left])
        for m, right in enumerate(pick[: k + 1]):
            between = W[:, left][:, :, right]
            T[k, m] = T[m, k] = counts @ (between**2).sum(axis=(1, 2))
            Q[k, m] = data.spread(columns[k] @ between @ columns[m].transpose(0, 2, 1)) / residual**2
            Q[m, k] = Q[k, m].transpose(0, 2, 1)
    T = _both_ways(T, s, _complete(t, s, data.raters.sum()))
    Q = _both_ways(Q, s, _complete(S, s, at.precision))
    S, t = _complete(S, s, at.precision), _complete(t, s, data.raters.sum())
    CS = at.vcov @ S
    T = T - 2 * np.einsum("aij,klaji->kl", at.vcov, Q) + np.einsum("kaij,laji->kl", CS, CS)
    return _Moments((at.squares - t + np.einsum("kaii->k", CS)) / 2, T / 2, S, Q)


def _both_ways(parts: np.ndarray, variances: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Add the residual to a table of pairs of components."""
    rows = [_complete(row, variances, total) for row, total in zip(parts, totals[:-1], strict=True)]
    return _complete(np.array(rows).reshape(len(rows), *totals.shape), variances, totals)


def _step(data: Panel, at: _State, moments: _Moments) -> _State:
    """One scoring step; variances at 0 that would fall stay there, and the step is halved until it helps."""
    least = LEAST * at.variances.sum()
    free = (at.variances > 0) | (moments.score > 0)
    free[-1] = at.variances[-1] > least or moments.score[-1] > 0
    step = np.zeros_like(at.variances)
    step[free] = np.linalg.lstsq(moments.information[np.ix_(free, free)], moments.score[free])[0]
    for _ in range(30):
        variances = np.maximum(at.variances + step, 0)
        variances[-1] = max(variances[-1], at.variances[-1] / 10, least)
        after = _evaluate(data, variances)
        if after.deviance <= at.deviance + 1e-12 * abs(at.deviance):
            return after
        step /= 2
    return at


def _small_sample(data: Panel, at: _State, moments: _Moments) -> TieMeans:
    """Kenward and Roger's covariance, block by block."""
    # C + 2 C (sum over k, l of spread_kl (Q_kl - S_k C S_l)) C: what the variances, being estimated, add to C. Second
    # derivatives of V are 0, as it is linear in the variances. The derivative of C in variance k is C S_k C.
    spread = np.linalg.pinv(moments.information, hermitian=True)
    C = at.vcov
    bias = np.einsum("kl,klaij->aij", spread, moments.Q)
    bias -= np.einsum("kl,kaij,ajm,lamn->ain", spread, moments.S, C, moments.S, optimize=True)
    return TieMeans(
        mean=np.where(data.raters > 0, at.mean, np.nan),
        raters=data.raters,
        vcov=C + 2 * C @ bias @ C,
        model_vcov=C,
        slopes=C @ moments.S @ C,
        names=data.names,
        variances=at.variances,
        spread=spread,
        scores=Scores(data, C, at.inner, at.variances[-1], at.weighed),
        deviance=at.deviance + (data.raters.sum() - (data.raters > 0).sum()) * np.log(2 * np.pi),
    )


def _diagonal(values: np.ndarray) -> np.ndarray:
    return values[:, :, None] * np.eye(values.shape[1])
