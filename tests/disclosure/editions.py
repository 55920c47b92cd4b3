"""What a run prints of a cohort for each audience, with the gate and without it, from one set of stored results."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from unittest import mock

from joyeval import coordination, disclosure, improvement, network, report
from joyeval.disclosure.shown import Shown
from joyeval.exhibits.cohort import cohort_figures
from joyeval.figures import render
from joyeval.intake.tables import intake
from joyeval.measurement import surveys
from joyeval.report import blocks, papers, sections
from joyeval.report.html import fragment
from joyeval.report.sections import network as of_all
from joyeval.store import Store, edition


def threshold_of(study, audiences) -> int:
    """Return how few people who holds these editions may know of."""
    return min(disclosure.rule_of(study, name).threshold for name in audiences)


def prepare(study, cohort, *, groups=False) -> Store:
    """Take in the raw files of a cohort and store the results that its exhibits are made of."""
    folder = study.store(cohort).folder
    store = Store(folder, folder)
    store.save(**intake(study, cohort).tables)
    pulse, there = store.table("pulse"), store.tables()
    whole, teams = (chart(study, cohort, pulse) for chart in (improvement.cohort_charts, improvement.team_charts))
    verdicts = improvement.verdicts(teams, over="measure")
    store.save(improvement_cohort=whole, improvement_charts=teams, improvement_verdicts=verdicts)
    if groups and (found := surveys.by_group(study, cohort, store)) is not None:
        store.save(experience_equity=found)
    if "ties" in there:
        ties, survey = store.table("ties"), coordination.survey_of_cohort(study, cohort)
        last = coordination.wave_order(ties)[-1]
        for process in sorted(ties["process"].unique()):
            found = coordination.matrix(ties, wave=last, process=process, survey=survey)
            store.save(**{f"coordination_matrix_{process}": found})
    return store


def write(study, cohort, store, folder, audiences) -> None:
    """Write report.html for each audience, and the figures that anybody may have, as drawings with their data."""
    report.readers(study, cohort, ",".join(audiences))
    _write_pages(folder, audiences, lambda: _exhibits(study, cohort, store))
    if "public" in audiences:
        figures = folder / "figures" / "bmj"
        figures.mkdir(parents=True, exist_ok=True)
        with disclosure.reading(disclosure.rule_of(study, "public")), vectors():
            for one in cohort_figures(study, cohort, store):
                (figures / f"{one.name}.svg").write_text(render.pictures(one.figure)["svg"], encoding="utf-8")
                (figures / f"{one.name}.txt").write_text(f"{one.alt}\n{one.caption}", encoding="utf-8")
                one.data.what.to_csv(figures / f"{one.name}_source.csv", index=False)


def write_network(study, folder, audiences) -> None:
    """Write the report over all cohorts, as far as it is made from their pulses."""
    report.readers(study, names=",".join(audiences))
    _write_pages(folder, audiences, lambda: _of_network(study))


def _write_pages(folder, audiences, emit) -> None:
    emitted = []
    keep = lambda block, shown=None: emitted.append((disclosure.reader().audience, block))  # noqa: E731
    with mock.patch.object(blocks, "emit", keep), vectors():
        emit()
    for audience in audiences:
        page = "".join(fragment(block) for who, block in emitted if who == audience)
        home = edition(folder, audience)
        home.mkdir(parents=True, exist_ok=True)
        (home / "report.html").write_text(f"<html><body>{page}</body></html>", encoding="utf-8")


def _of_network(study) -> None:
    of_all.cohorts_side_by_side(study)
    of_all.cohort_courses(study, network.courses(study))
    of_all.team_counts(study, network.team_totals(study))
    of_all.funnels(study)


def _exhibits(study, cohort, store) -> None:
    pulse, results = store.table("pulse"), store.results()
    sections.flow(store.table("flow"))
    sections.set_aside(store.table("quarantine"))
    sections.respondents(study, store)
    sections.pulses(study, cohort, pulse, store.table("teams"))
    sections.cohort_charts(store.result("improvement_cohort"), store, study, cohort)
    sections.verdicts(store.result("improvement_verdicts"), study, store, cohort)
    sections.team_charts(store.result("improvement_charts"), store.result("improvement_verdicts"), study, cohort, store)
    if "experience_equity" in results:
        sections.equity(store.result("experience_equity"), study)
    for name in results:
        if name.startswith("coordination_matrix_"):
            sections.matrix(store.result(name))


@contextmanager
def vectors():
    """Nothing is drawn as pixels, which hold no more than the same drawing as SVG."""
    laid_out = lambda fig: fig.draw_without_rendering() or b""  # noqa: E731
    with mock.patch.object(render, "_png", laid_out):
        yield


@contextmanager
def without_gate():
    """Everything passes as it is."""
    opened = {
        "show": _show,
        "show_shares": lambda counts, **_: _open(counts.div(counts.sum(axis=1), axis=0)),
        "show_levels": lambda levels, **_: _open(levels.drop(columns=["people", "value"], errors="ignore")),
        "show_flow": lambda flow, **_: _open(flow),
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(disclosure, **opened))
        stack.enter_context(mock.patch.object(blocks, "inexact", lambda text, rule=None: text))
        stack.enter_context(mock.patch.object(papers, "protect_crosstab", lambda counts, **_: counts))
        yield


def _open(what) -> Shown:
    return Shown(what, disclosure.reader())


def _show(what, *, percents=None, **_) -> Shown:
    if isinstance(what, Shown):
        return what
    parts = {name: 100 * what[part] / what[whole] for name, (part, whole) in (percents or {}).items()}
    return _open(what.assign(**parts) if parts else what)
