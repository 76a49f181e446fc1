"""The numbers worked out in the plan guides, recomputed."""

import re

from tests.corpus.guides import guides, says


def body(slug: str) -> str:
    return next(guide.body for guide in guides() if guide.slug == slug)


def test_hours_of_the_four_and_six_week_plans() -> None:
    assert 4 * 12 == 6 * 8 == 48
    assert 5 * 1.5 + 4.5 == 12 and 4 * 1 + 4 == 8
    says("plan/study-plans", "four weeks at 12 hours a week or six weeks at 8 hours a week", "about 48 focused hours")
    says("plan/study-plans", "five evenings of 90 minutes plus four and a half hours at the weekend in two sittings")
    says("plan/study-plans", "four evenings of an hour plus four hours at the weekend")


def test_hours_by_role_add_up() -> None:
    rows = re.findall(r"^\| [A-Z][^|]+((?:\| \d+ )+)\|$", body("plan/study-plans"), flags=re.M)
    hours = [[int(cell) for cell in re.findall(r"\d+", row)] for row in rows]
    assert len(hours) == 6
    assert [sum(column) for column in zip(*hours, strict=True)] == [48] * 5
    assert hours[2][0] + hours[3][0] == 24 and hours[1][1] + hours[2][1] == 24


def test_hours_of_a_career_switcher() -> None:
    assert 8 * 5 == 16 + 12 + 8 + 4 == 40
    says(
        "plan/study-plans",
        "reaches 40 hours in eight weeks: 16 on fundamentals, 12 on coding and SQL, 8 on the project and 4 on mocks",
    )


def test_diagnostic_and_triage_minutes() -> None:
    assert 40 + 25 + 25 == 90
    says("plan/study-plans", "90-minute cold diagnostic", "20 mixed questions aloud without notes in 40 minutes")
    steps = body("plan/one-week-rescue").split("first two hours")[1].split("##")[0]
    assert sum(int(minutes) for minutes in re.findall(r"\((\d+) minutes\)", steps)) == 120


def test_hours_of_the_rescue_week() -> None:
    assert 7 * 4 == 28 and 2 * 5 + 5 * 1.5 == 17.5 and 3 * 5 == 15
    says("plan/one-week-rescue", "about 28 hours", "that gives 17.5 hours", "five hours give 15 hours")


def test_hours_of_seven_evenings() -> None:
    assert 8 + 4 + 3 + 2.5 + 2.5 + 1 == 7 * 3 == 21
    evenings = re.findall(r"^\d\. \*\*Evening \d\*\*.*$", body("plan/one-week-rescue"), flags=re.M)
    hours = [re.findall(r"\(([\d.]+ hours?|half an hour)\)", evening) for evening in evenings]
    spent = [sum(0.5 if part.startswith("half") else float(part.split()[0]) for part in parts) for parts in hours]
    assert spent == [3] * 7
    says("plan/one-week-rescue", "are 21 hours", "8 of them go to design, 4 to fundamentals, 3 to coding or SQL")


def test_daily_loop_and_last_day_minutes() -> None:
    daily = body("plan/daily-practice-and-mocks").split("## What is retrieval")[0]
    assert sum(int(minutes) for minutes in re.findall(r", (\d+) minutes\*\*", daily)) == 90
    assert 5 * (2 + 3) == 25 and (5 * 28, 10 * 28) == (140, 280)
    assert 15 + 4 * (2 + 3) + 10 == 45
    says("plan/daily-practice-and-mocks", "recall (15 minutes), four new questions (20) and the log (10)")
    says("plan/daily-practice-and-mocks", "140 to 280 in four weeks")
    last = body("plan/last-day-and-after").split("## What belongs")[0]
    assert sum(int(minutes) for minutes in re.findall(r", (\d+) minutes:", last)) == 140


def test_chance_of_an_offer_in_five_loops() -> None:
    assert round(100 * (1 - 0.7**5)) == 83
    says("plan/last-day-and-after", "83% chance of at least one offer")


def test_a_certificate_against_portfolio_projects() -> None:
    assert 4 * 10 == 40 and 80 == 2 * 40
    says("plan/portfolio-and-resume", "four weeks of about ten hours", "80 hours costs as much time as two portfolio projects")


def test_mix_of_six_mock_interviews() -> None:
    assert 2 + 2 + 1 + 1 == 1 + 2 + 3 == 6
    says("plan/daily-practice-and-mocks", "Match a mix of six to the loop")
