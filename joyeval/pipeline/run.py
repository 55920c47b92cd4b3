"""Running a study: a graph of steps, stale ones only, what can run side by side does, outputs whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joyeval.errors import DisclosureError, StepError, Stopped, UsageError
from joyeval.pipeline.executors import Job, Local
from joyeval.pipeline.keep import gate_costs, keep, sweep
from joyeval.pipeline.locks import hold
from joyeval.pipeline.permissions import keep_to_owner
from joyeval.pipeline.record import EDITIONS, Folders, folders, read_record, state, write_record
from joyeval.pipeline.steps import (
    DOCUMENTS,
    NETWORK,
    NETWORK_REPORT,
    all_parameters,
    fingerprint,
    inputs,
    network_step,
    parameters,
    refuse_misfits,
    sha256,
    steps_of,
)
from joyeval.pipeline.threads import threads_of
from joyeval.store import private, remove_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from joyeval.pipeline.door import Parameters
    from joyeval.pipeline.executors import Executor
    from joyeval.pipeline.steps import Step
    from joyeval.study import Study

    Report = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one step, or that it has begun.

    Parameters
    ----------
    state : str
        ``begun``, ``ran``, ``up to date``, ``failed``, or ``held back`` by the failure of a step that it reads from.
    share : float
        How much of the work of this run is done, 0 to 1.
    left : float
        Seconds until it is all done, as far as earlier runs tell.
    """

    cohort: str
    step: str
    state: str
    reason: str
    seconds: float = 0.0
    share: float = 0.0
    left: float = 0.0

    @property
    def ran(self) -> bool:
        """It was run and its outputs are in place."""
        return self.state == "ran"


@dataclass(frozen=True)
class Node:
    """One step of one cohort."""

    cohort: str
    step: Step

    @property
    def called(self) -> str:
        """What it is called in messages."""
        return self.step.name if self.cohort == NETWORK else f"cohort {self.cohort}, {self.step.name}"


Graph = dict[Node, frozenset[Node]]


def run(
    study: Study,
    *,
    cohorts: Sequence[str] = (),
    steps: Sequence[str] = (),
    parameters: Parameters | None = None,
    workers: int = 2,
    threads: int | None = None,
    force: bool = False,
    executor: Executor | None = None,
    wait: bool = True,
    on_step: Report = lambda outcome: None,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run what is stale; steps that do not read from each other run side by side, the longest first.

    Parameters
    ----------
    cohorts, steps : sequence of str
        Names; all when empty. Steps over all cohorts run when no cohorts are named.
    parameters : dict, optional
        Parameters for every step that declares them, in place of what the study file says.
    workers : int
        Steps that run at the same time on this machine.
    threads : int, optional
        Numerical threads of each kernel; without it cores by workers, at least one.
    force : bool
        Run the steps even where nothing changed.
    executor : Executor, optional
        Where steps run, in place of this machine; it is closed in the end.
    wait : bool
        False: refuse at once where another run is at work.
    on_step : callable
        Told of every step as it begins and as it ends.
    tell : callable
        Told what the run waits for.

    Raises
    ------
    DisclosureError
        A folder of the outputs in which everybody can write: nothing was run. Reports that would give a few people
        away beside what was released before: everything else has been finished.
    StepError
        Steps failed. Their earlier outputs are as they were; what does not depend on them has been finished.
    UsageError
        Unknown cohorts, steps or parameters; nothing was run.
    Stopped
        The user stopped it; what was finished is in place, everything else as it was.
    """
    graph = graph_of(study, cohorts, steps)
    refuse_misfits({node.step: None for node in graph}, parameters or {})
    executor = executor or Local(workers)
    try:
        plan = _Plan(study, graph, parameters or {}, threads or threads_of(executor.slots), force, executor, on_step)
        keep_to_owner(study, sorted({node.cohort for node in graph}))
        with hold(_written_or_read(study, graph), wait=wait, tell=tell):
            _clear_up(study, graph)
            try:
                plan.run()
            except KeyboardInterrupt:
                executor.stop()
                plan.clear()
                raise Stopped(STOPPED) from None
    finally:
        executor.close()
    if plan.errors:
        raise StepError("\n".join([*plan.errors, *map(str, plan.refused)]))
    if plan.refused:
        problems = [problem for refused in plan.refused for problem in refused.problems]
        raise DisclosureError(problems, "\n".join(dict.fromkeys(refused.summary for refused in plan.refused)))
    return plan.outcomes


STOPPED = "stopped; finished steps are kept, everything else is as it was, and the next run goes on from here"


def _written_or_read(study: Study, graph: Graph) -> set[Path]:
    """Return the folders that must not change meanwhile: a step over all cohorts reads all of them."""
    names = {node.cohort for node in graph}
    names |= {cohort.cohort for cohort in study.cohorts} if NETWORK in names else set()
    return {folders(study, name).processed for name in names}


def _clear_up(study: Study, graph: Graph) -> None:
    """Throw away what a run that was killed has begun: a step that is up to date would never touch it again."""
    for cohort in {node.cohort for node in graph}:
        where = folders(study, cohort)
        for home in (where.processed, where.reports):
            shutil.rmtree(home / ".staging", ignore_errors=True)
            remove_parts(home)


def graph_of(study: Study, cohorts: Sequence[str] = (), steps: Sequence[str] = ()) -> Graph:
    """Return every step to look at, with those it reads from.

    Parameters
    ----------
    cohorts, steps : sequence of str
        Names; all when empty. A step may be named by its number.

    Raises
    ------
    UsageError
        A name that the study does not have.
    """
    known = steps_of(study)
    if NETWORK_REPORT in steps and not any(_is(step, NETWORK_REPORT) for step in known):
        known = (*known, network_step(study))  # of one cohort, when asked for
    for name in steps:
        if not any(_is(step, name) for step in known):
            raise UsageError(f"no step {name!r}; this study has {', '.join(step.name for step in known)}")
    chosen = [step for step in known if not steps or any(_is(step, name) for name in steps)]
    names = [study.cohort(name).cohort for name in cohorts] or [c.cohort for c in study.cohorts]
    nodes = [Node(name, step) for name in names for step in chosen if not step.over_all]
    nodes += [Node(NETWORK, step) for step in chosen if step.over_all and not cohorts]
    return {node: frozenset(other for other in nodes if _follows(node, other)) for node in nodes}


def _is(step: Step, name: str) -> bool:
    return name in (step.name, step.name.split("_")[0])


def _follows(node: Node, other: Node) -> bool:
    return node.step.follows(other.step) and (node.step.over_all or node.cohort == other.cohort)


class _Plan:
    """One run through the graph."""

    def __init__(
        self,
        study: Study,
        graph: Graph,
        given: Parameters,
        threads: int,
        force: bool,
        executor: Executor,
        on_step: Report,
    ) -> None:
        self.study, self.graph, self.given, self.threads, self.force = study, graph, given, threads, force
        self.executor, self.on_step = executor, on_step
        self.waiting = dict(graph)
        self.running: dict[Future[None], _Started] = {}
        self.ended: dict[Node, Outcome] = {}
        self.errors: list[str] = []
        self.refused: list[DisclosureError] = []
        self.expected = {node: _expected(study, node) for node in graph}
        self.to_the_end = self._to_the_end()

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of every step, in the order of the graph."""
        return [self.ended[node] for node in self.graph]

    def run(self) -> None:
        """Start what can start, and take in what has ended, until nothing is left."""
        while self.waiting or self.running:
            while self._start_one():
                pass
            if self.running:
                done, _ = wait(self.running, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take_in(self.running.pop(future), future)

    def clear(self) -> None:
        """Throw away what jobs have begun."""
        for started in self.running.values():
            shutil.rmtree(started.job.staging, ignore_errors=True)

    def _start_one(self) -> bool:
        """Settle or start one step whose turn it is; False when there is none, or no place for it."""
        if len(self.running) >= self.executor.slots:
            return False
        ready = [node for node, before in self.waiting.items() if before <= self.ended.keys()]
        for node in sorted(ready, key=self.to_the_end.__getitem__, reverse=True):
            if failed := next((o for o in self.graph[node] if self.ended[o].state in ("failed", "held back")), None):
                self._end(node, "held back", f"{failed.called} failed before it")
                return True
            found = state(self.study, node.cohort, node.step, self.given)
            if found.idle or not (found.stale or self.force):
                self._end(node, "up to date", found.reason)
                return True
            if not self._refused(node):
                del self.waiting[node]
                self._submit(node, found.reason)
            return True
        return False

    def _refused(self, node: Node) -> bool:
        """Say whether a report would give a few people away beside what was released before; it is held back then."""
        if node.step.makes not in DOCUMENTS:
            return False
        cohorts = [c.cohort for c in self.study.cohorts] if node.cohort == NETWORK else [node.cohort]
        from joyeval.pipeline import released  # reads tables, which a look at what is stale does not

        try:
            released.consult(self.study, cohorts)
        except DisclosureError as error:
            self.refused.append(error)
            self._end(node, "failed", error.summary)
            return True
        return False

    def _submit(self, node: Node, reason: str) -> None:
        where, step = folders(self.study, node.cohort), node.step
        staging = where.processed / ".staging" / step.name
        given = all_parameters(self.study, node.cohort, step, self.given, staging)
        read = {str(path): sha256(path) for path in (step.notebook, *inputs(self.study, node.cohort, step))}
        job = Job(node.cohort, step.name, step.notebook, staging, given, step.makes, self.threads, read)
        before = fingerprint(self.study, node.cohort, step, self.given)
        future = self.executor.submit(job)
        self.running[future] = _Started(node, job, reason, before, datetime.now(UTC), time.monotonic())
        self.on_step(self._outcome(node, "begun", reason))

    def _take_in(self, started: _Started, future: Future[None]) -> None:
        """Put the outputs of a job into place, or note why there are none."""
        node, where = started.node, folders(self.study, started.node.cohort)
        try:
            future.result()
            if node.step.makes in DOCUMENTS:
                from joyeval.pipeline.readback import read_back  # loads pandas, which a look at states does without

                read_back(self.study, node.cohort, started.job.staging)
            with _uninterrupted():
                _publish(self.study, started, where, self.given)
        except DisclosureError as error:
            self.refused.append(error)
            shutil.rmtree(started.job.staging, ignore_errors=True)
            self._end(node, "failed", error.summary, started.seconds)
        except (StepError, OSError) as error:
            failed = where.executed / f"{node.step.name}.failed.ipynb"
            shown = f"; {failed} shows where" if keep(started.job.executed, failed) else ""
            place = "" if node.cohort == NETWORK else f"cohort {node.cohort}: "
            self.errors.append(f"{place}{error}{shown}")
            shutil.rmtree(started.job.staging, ignore_errors=True)
            self._end(node, "failed", str(error), started.seconds)
        else:
            self._end(node, "ran", started.reason, started.seconds)

    def _end(self, node: Node, what: str, reason: str, seconds: float = 0.0) -> None:
        self.waiting.pop(node, None)
        self.ended[node] = self._outcome(node, what, reason, seconds)
        self.on_step(self.ended[node])

    def _outcome(self, node: Node, what: str, reason: str, seconds: float = 0.0) -> Outcome:
        """Say what became of a step, and how far the run is with it."""
        total = sum(self.expected.values())
        done = sum(self.expected[other] for other in {*self.ended, *([] if what == "begun" else [node])})
        begun = [min(s.seconds, self.expected[s.node]) for s in self.running.values()]
        share = (done + sum(begun)) / total if total else 1.0
        left = (total - done - sum(begun)) / self.executor.slots
        return Outcome(node.cohort, node.step.name, what, reason, seconds, share, left)

    def _to_the_end(self) -> dict[Node, float]:
        """Return how long each step and the longest chain of those after it take."""
        found: dict[Node, float] = {}
        for node in reversed(self.graph):  # those after it stand behind it
            after = [found[other] for other, before in self.graph.items() if node in before]
            found[node] = self.expected[node] + max(after, default=0.0)
        return found


@dataclass(frozen=True)
class _Started:
    """A step under way."""

    node: Node
    job: Job
    reason: str
    fingerprint: dict[str, Any]
    at: datetime
    clock: float

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.clock


def _expected(study: Study, node: Node) -> float:
    """Return the seconds that a step took here when it was run last, or in the demonstration."""
    done = read_record(folders(study, node.cohort).record)["steps"].get(node.step.name, {})
    return max(float(done.get("seconds", node.step.seconds)), 0.1)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a signal to stop wait until what is begun here is whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _publish(study: Study, started: _Started, where: Folders, given: Parameters) -> None:
    """Move what a step made into place, each file whole, remove what it no longer makes, and write the record."""
    step, record = started.node.step, read_record(where.record)
    made, executed = started.job.staging, started.job.executed
    new = {path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()}
    new.pop(executed.name)
    others = {name: other for other, done in record["steps"].items() if other != step.name for name in done["outputs"]}
    if taken := [name for name in new if name in others]:
        raise StepError(f"{step.name} saves {taken[0]}, which is made by {others[taken[0]]}; give it a name of its own")
    kept = where.executed / f"{step.name}.ipynb"
    keep(executed, kept)
    (where.executed / f"{step.name}.failed.ipynb").unlink(missing_ok=True)
    sweep(where.executed)
    for path in {path for pattern in step.writes for path in where.processed.glob(pattern)}:
        if path.relative_to(where.processed).as_posix() not in {*new, *others}:
            path.unlink()
    for name in record["steps"].get(step.name, {}).get("outputs", {}).keys() - new.keys():
        if _audience(name) in (*study.editions, "team"):  # of other audiences, what they have stays
            where.output(name).unlink(missing_ok=True)
    for name, path in new.items():
        where.output(name).parent.mkdir(parents=True, exist_ok=True)
        if name.startswith(EDITIONS):
            private(where.reports / name.split("/")[0])
            private(where.output(name).parent)
        if name.startswith(EDITIONS) or where.output(name).is_relative_to(where.processed):
            path.chmod(0o600)
        os.replace(path, where.output(name))
    shutil.rmtree(made, ignore_errors=True)
    outputs = {name: sha256(where.output(name)) for name in new}
    entry = {
        "fingerprint": started.fingerprint,
        "outputs": outputs,
        "parameters": {"study": study.path.name, "cohort": started.node.cohort}
        | parameters(study, started.node.cohort, step, given),
        "rows": {"in": _rows(where, started.fingerprint["inputs"]), "out": _rows(where, outputs)},
        "exhibits": gate_costs(kept),  # its pictures lie beside it: quickly read
        "threads": started.job.threads,
        "started": started.at.isoformat(timespec="seconds"),
        "seconds": round(started.seconds, 1),
    }
    told = {"study": study.study, "cohort": started.node.cohort, "steps": {**record["steps"], step.name: entry}}
    write_record(where.record, {**record, **told})


def _audience(name: str) -> str:
    """Return whose edition an output belongs to."""
    return next((folder.strip("/") for folder in EDITIONS if folder in name), "public")


def _rows(where: Folders, names: Mapping[str, str]) -> dict[str, int]:
    import pyarrow.parquet as pq

    tables = [where.processed / name for name in names if name.endswith(".parquet")]
    return {path.name: pq.read_metadata(path).num_rows for path in tables if path.exists()}
