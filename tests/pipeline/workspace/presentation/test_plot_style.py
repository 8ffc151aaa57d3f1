"""The style of plots: one palette for the page and for picture files, the same bytes each time."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from pipeline.workspace.presentation.plot_style import PAGE, PAPER, PICTURES, open_figure, render_svg, save_figure


def test_picture_files_have_the_colors_of_the_page_in_its_light_theme() -> None:
    css = (resources.files("pipeline.report") / "page.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#\w+)", css.split("@media")[0]))
    names = ("ink", "muted", "line", "data", "samples", "candidates", "good", "fourth", "fifth")
    assert {name: getattr(PAPER, name) for name in names} == {name: light[name] for name in names}
    assert PAPER.scale == tuple(light[f"scale-{i}"] for i in range(9))


def test_the_pages_colors_become_variables_and_the_settings_of_matplotlib_stay() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    found = []
    for _ in range(2):
        with open_figure(2, 2, PAGE) as figure:
            figure.subplots().plot([0, 1], [0, 1], color=PAGE.samples)
            found.append(render_svg(figure, "x", 'a "label"'))
    assert found[0] == found[1] and "var(--samples)" in found[0] and "#0000" not in found[0]
    assert 'aria-label="a &quot;label&quot;"' in found[0]
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("ending", PICTURES)
def test_a_figure_is_the_same_file_twice(tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        with open_figure(2, 2) as figure:
            figure.subplots().fill_between([0, 1], [0, 1], color=PAPER.cycle[0])
        save_figure(figure, tmp_path / f"{name}{ending}")
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with open_figure(1, 1) as figure, pytest.raises(UserError, match=r"\.png or \.svg"):
        save_figure(figure, tmp_path / "a.pdf")
