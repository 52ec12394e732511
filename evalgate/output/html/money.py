"""The part of a page about money: by model, tool and case, and against the baseline."""

from collections.abc import Sequence
from fractions import Fraction

from evalgate.output.cases.costs import Costs, Difference, Share
from evalgate.output.dialogues import users_of, users_spent
from evalgate.output.html.charts import bar
from evalgate.output.html.words import case_links
from evalgate.output.numbers import amount
from evalgate.schema.result import Report
from evalgate.text.counts import number_of, signed_percent
from evalgate.text.escape import html

_REASONS = {
    "calls": "more or fewer model calls",
    "price": "another model's prices",
    "prompt": "prompt",
    "tool results": "results of tools",
    "earlier turns": "earlier turns",
    "output": "output",
    "reasoning": "reasoning",
    "not split": "calls whose price is only recorded",
}


def cost(costs: Costs, report: Report) -> str:
    """Say where the money went: against the baseline, by model, by tool, by case."""
    judge = report.judge
    spent = (
        ""
        if judge is None
        else (
            f"<p>Judge {html(judge.model or 'unknown')}: {number_of(judge.calls, 'call')}, "
            f"{judge.cached:,} from the cache, cost {amount(judge.cost_usd, 'USD')}; "
            "no part of the agent's.</p>"
        )
    )
    users = users_of(report)
    if users:
        models = ", ".join(sorted({user.model for user in users}))
        broken = sum(user.broken is not None for user in users)
        spent += (
            f"<p>{html(users_spent(report).capitalize())}, played by {html(models)}; no part of "
            f"the agent's. {broken} of {len(users)} left their script.</p>"
        )
    if not costs.trials:
        return (
            "<p>The cost is not split: no trial has a trace whose calls all have a known price and "
            f"add up to its cost.</p>{spent}"
        )
    left = (
        f" {number_of(costs.left_out, 'trial')} not split: no trace, no known price, or a recorded "
        "cost of the whole."
        if costs.left_out
        else ""
    )
    return (
        f"<p>{_usd(costs.total)} for {number_of(costs.trials, 'trial')}, over all model calls."
        f"{left}</p>{spent}{_difference(costs.difference)}<div class=columns>"
        f"{_share_table('by model', costs.models, costs.total, tokens=True)}"
        f"{_share_table('by tool the call asked for', costs.tools, costs.total)}"
        f"{_share_table('dearest cases', costs.cases, costs.total, link=True)}</div>"
    )


def _difference(found: Difference | None) -> str:
    if found is None:
        return "<p class=dim>The baseline's run is not at hand, so no difference is shown.</p>"
    moved = found.after - found.before
    if not moved:
        return f"<p>A trial cost {_usd(found.after)}, as in the baseline.</p>"
    largest = max(abs(amount_) for amount_ in found.reasons.values())
    ordered = sorted(found.reasons.items(), key=lambda item: -abs(item[1]))
    shown = _rounded([amount_ for _, amount_ in ordered], moved)
    rows = "".join(
        f"<tr><th scope=row>{_REASONS[reason]}</th><td class=num>{text}</td>"
        f"<td class=num>{signed_percent(float(value / found.before) if found.before else 0)}</td>"
        f"<td>{bar(float(value / largest), 'cost')}</td></tr>"
        for (reason, value), text in zip(ordered, shown, strict=True)
    )
    left = f" {number_of(found.left_out, 'case')} could not be compared." if found.left_out else ""
    share = f" ({signed_percent(float(moved / found.before))})" if found.before else ""
    columns = (("because of", ""), ("USD a trial", " class=num"), ("of the baseline", " class=num"))
    head = "".join(f"<th scope=col{css}>{name}</th>" for name, css in (*columns, ("share", "")))
    return (
        f"<h3>Where the difference went</h3><p>A trial cost {_usd(found.before)} in the baseline "
        f"and costs {_usd(found.after)} now{share}, mean over "
        f"{number_of(found.cases, 'case')}.{left}"
        f"</p><p class=dim>{_HOW_SPLIT}</p><table class=cost><thead><tr>{head}</tr></thead><tbody>"
        f"{rows}<tr class=sum><th scope=row>together</th><td class=num>"
        f"{_rounded([moved], moved)[0]}</td><td></td><td></td></tr></tbody></table>"
    )


_HOW_SPLIT = (
    "Prompt is what the system and the user said, and the tool schemas; results of tools and "
    "earlier turns are read again with every call. The input is shared among the messages by their "
    "length. The rows add up exactly."
)


def _rounded(amounts: Sequence[Fraction], whole: Fraction) -> list[str]:
    """Write amounts with as many decimals as show the whole to 4 digits, so that they add up."""
    decimals = 2
    while decimals < 12 and abs(whole) * 10**decimals < 1000:
        decimals += 1
    unit = Fraction(1, 10**decimals)
    floors = [amount_ // unit for amount_ in amounts]
    missing = round(sum(amounts, Fraction(0)) / unit) - sum(floors)
    by_rest = sorted(range(len(amounts)), key=lambda i: -(amounts[i] / unit - floors[i]))
    for i in by_rest[:missing]:
        floors[i] += 1
    return [
        f"{'+' if n > 0 else '-' if n < 0 else ''}${abs(n) / 10**decimals:.{decimals}f}"
        for n in floors
    ]


def _share_table(
    title: str, rows: Sequence[Share], total: Fraction, *, tokens: bool = False, link: bool = False
) -> str:
    if not rows:
        return ""
    counts = "<th scope=col class=num>tokens in</th><th scope=col class=num>out</th>" * tokens
    body = "".join(
        f"<tr><th scope=row>{case_links([row.name]) if link else html(row.name)}</th>"
        f"<td class=num>{_usd(row.cost)}</td><td class=num>{row.calls:,}</td>"
        + (
            f"<td class=num>{row.input_tokens:,}</td><td class=num>{row.output_tokens:,}</td>"
            * tokens
        )
        + f"<td>{bar(float(row.cost / total) if total else 0.0)}</td></tr>"
        for row in rows
    )
    return (
        f"<div><h3>{title}</h3><table class=cost><thead><tr><th scope=col>name</th>"
        f"<th scope=col class=num>USD</th><th scope=col class=num>model calls</th>{counts}"
        f"<th scope=col>share</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _usd(value: Fraction) -> str:
    return amount(float(value), "USD")
