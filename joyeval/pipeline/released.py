"""Who stood behind each released figure, held against what is to be written for readers now.

Two reports on one group that differ by a late answer show that answer to whoever has both. Kept are pseudonyms and
hashes of answers, with the processed data of the workspace; they never leave with a release.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pandas as pd

from joyeval.disclosure import rule_of
from joyeval.disclosure.ledger import people_told_apart, pulses_told_apart
from joyeval.errors import DisclosureError
from joyeval.intake.keys import is_demonstration
from joyeval.pipeline.behind import behind
from joyeval.pipeline.chain import Chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from joyeval.disclosure import Rule
    from joyeval.errors import Problem
    from joyeval.study import Study


def consult(study: Study, cohorts: Sequence[str]) -> None:
    """Refuse to write for readers what would give a few people away beside what was released before.

    The demonstration as joyeval makes it has no people, and may come and go: it is not held against anything.

    Raises
    ------
    DisclosureError
        Groups with a few people or answers more or less than when they were released, under whatever names; or a
        ledger that is missing, shortened or changed.
    """
    chain = chain_of(study)
    if not is_demonstration(study, whole=True) and (entries := _active(chain.entries())):
        _refuse(_problems(chain, entries, *_behind(study, cohorts, chain), _rules(study))[0])


def enter(study: Study, cohorts: Sequence[str], what: str) -> None:
    """Enter in the ledger who stands behind the figures of cohorts, after consulting it.

    Parameters
    ----------
    what : str
        "release" or "network".

    Raises
    ------
    DisclosureError
        As for `consult`; nothing is entered.
    """
    chain, untouched = chain_of(study), is_demonstration(study, whole=True)
    with chain.alone():
        entries = _active(_sound(chain, forgiving=untouched))
        people, pulses = _behind(study, cohorts, chain)
        if not untouched:
            _refuse(_problems(chain, entries, people, pulses, [rule_of(study, "public")])[0])
        files = {name: table.to_parquet(index=False) for name, table in (("people", people), ("pulses", pulses))}
        said = {"kind": what, "study": study.study, "cohorts": list(cohorts), "who": _digest(files)}
        if (len(people) or len(pulses)) and said["who"] not in {entry["who"] for entry in entries}:
            named = {f"{name}.parquet": content for name, content in files.items()}
            chain.add(said, named)


def withdraw(study: Study, cohorts: Sequence[str], reason: str) -> None:
    """Write into the ledger, for good, that nobody has what was released before and stands against these cohorts now.

    Of a ledger that is damaged or gone, what is left is set aside, and a new one begins with the reason.
    """
    chain = chain_of(study)
    try:
        entries = _active(chain.entries())
    except DisclosureError as error:
        chain.begin_anew()
        told = f"{reason} (begun anew: {error.summary.partition(';')[0]})"
        chain.add({"kind": "withdrawn", "withdraws": [], "reason": told}, {})
        return
    with chain.alone():
        _, against = _problems(chain, entries, *_behind(study, cohorts, chain), _rules(study))
        if against:
            chain.add({"kind": "withdrawn", "withdraws": sorted(against), "reason": reason}, {})


def withdrawn(study: Study) -> list[dict[str, str]]:
    """Return what was withdrawn from this workspace so far: when, and why."""
    found = [entry for entry in chain_of(study).entries() if entry["kind"] == "withdrawn"]
    return [{"when": entry["when"][:10], "why": entry["reason"]} for entry in found]


def digests_of_results(study: Study, cohort: str, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of stored results as they may be published: keyed, since results are exact."""
    secret, folder = chain_of(study).secret(), study.store(cohort).folder / "results"
    there = {name: folder / f"{name}.json" for name in names if (folder / f"{name}.json").exists()}
    return {name: hmac.new(secret, path.read_bytes(), "sha256").hexdigest() for name, path in there.items()}


def chain_of(study: Study) -> Chain:
    """Return the ledger of the workspace of a study."""
    return Chain(study.home / "data" / "processed")


def _rules(study: Study) -> list[Rule]:
    return [rule_of(study, audience) for audience in study.editions]


def _behind(study: Study, cohorts: Sequence[str], chain: Chain) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who stands behind what any audience of a study is shown."""
    return behind(study, cohorts, chain.secret(), fewest=min(rule.threshold for rule in _rules(study)))


def _sound(chain: Chain, *, forgiving: bool) -> list[dict[str, Any]]:
    """Return the entries; where there are no people, a ledger that is gone or damaged begins anew."""
    try:
        return chain.entries()
    except DisclosureError:
        if not forgiving:
            raise
        chain.begin_anew()
        return []


def _active(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    gone = {number for entry in entries for number in entry.get("withdraws", ())}
    return [entry for entry in entries if entry["files"] and entry["number"] not in gone]


def _problems(
    chain: Chain,
    entries: Sequence[Mapping[str, Any]],
    people: pd.DataFrame,
    pulses: pd.DataFrame,
    rules: Sequence[Rule],
) -> tuple[list[Problem], set[int]]:
    """Return what stands against it, and in which entries."""
    names = {entry["number"]: f"{entry['kind']} of {entry['when'][:10]} (entry {entry['number']})" for entry in entries}
    found: list[Problem] = []
    for kind, now, told_apart in (("people", people, people_told_apart), ("pulses", pulses, pulses_told_apart)):
        tables = [
            pd.read_parquet(chain.folder / f"{number:04d}.{kind}.parquet").assign(entry=name)
            for number, name in names.items()
        ]
        if before := [table for table in tables if len(table)]:
            found += [problem for rule in rules for problem in told_apart(now, pd.concat(before), rule=rule)]
    named = {problem.file for problem in found}
    return found, {number for number, name in names.items() if name in named}


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        once = {(problem.file, problem.column, problem.found): problem for problem in problems}
        told = (
            f"{len(once)} groups differ by a few people from what was released before; nothing was written. If nobody "
            "has what was released, say so, and run again: joyeval release STUDY --cohort C --withdraw REASON"
        )
        raise DisclosureError(list(once.values()), told)


def _digest(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(b"\0".join(files[name] for name in sorted(files))).hexdigest()
