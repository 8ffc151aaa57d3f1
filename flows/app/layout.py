"""The frame of every page: the style, the menu, and messages for what goes wrong."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from chem_vae.errors import ChemVAEError, UserError
from flows.app.remedies import say

MENU = (("Start", "/"), ("Runs", "/runs"), ("Library", "/library"), ("Explore", "/explore"), ("Optimize", "/optimize"))
"""The pages of the menu with their addresses."""


@contextmanager
def frame(title: str, current: str) -> Iterator[None]:
    """Show the frame of a page around its content.

    Args:
        title: What the browser calls the page.
        current: The address of the menu's entry that the page belongs to.
    """
    ui.page_title(f"{title} · chem-vae")
    ui.add_css((resources.files("flows.app") / "app.css").read_text(encoding="utf-8"))
    ui.colors(
        primary="#0a6188",
        accent="#0a6188",
        positive="#00795c",
        negative="#b3261e",
        warning="#8a5a00",
        dark="#1a1e23",
        dark_page="#121518",
    )
    with ui.element("header").classes("top"), ui.element("div").classes("top-inner"):
        ui.link("Skip to the content", "#content").classes("skip")
        ui.link("chem-vae", "/").classes("brand")
        with ui.element("nav").classes("menu").props('aria-label="Pages"'):
            for name, address in MENU:
                link = ui.link(name, address)
                if address == current:
                    link.props("aria-current=page")
    with ui.element("main").classes("page").props('id="content" tabindex="-1"'):
        yield


class Words(TextElement):
    """An HTML element that holds text, which is never read as HTML."""

    def __init__(self, tag: str, text: str) -> None:
        """Take the name of the element, such as h1, and its text."""
        super().__init__(tag=tag, text=text)


def heading(content: str, level: int = 1) -> Words:
    """Show a heading."""
    return Words(f"h{level}", content)


def text(content: str, classes: str = "") -> ui.label:
    """Show a sentence, which is never read as HTML."""
    return ui.label(content).classes(classes)


@contextmanager
def block(classes: str = "") -> Iterator[ui.element]:
    """Show a part of a page with a border around it."""
    with ui.element("section").classes(f"panel {classes}") as element:
        yield element


@contextmanager
def fold(title: str, classes: str = "") -> Iterator[ui.element]:
    """Show a part of a page that opens at a click on its title."""
    with ui.element("details").classes(classes) as element:
        Words("summary", title).classes("muted" if not classes else "strong")
        yield element


def primary_button(label: str, action: Callable[..., Any] | None = None, icon: str | None = None) -> ui.button:
    """Show the button of the next step, of which a page has one."""
    return ui.button(label, on_click=action, icon=icon).props("unelevated no-caps size=md padding='9px 20px'")


def quiet_button(label: str, action: Callable[..., Any] | None = None, icon: str | None = None) -> ui.button:
    """Show a button of something else that can be done."""
    return ui.button(label, on_click=action, icon=icon).props("outline color=accent no-caps size=md padding='8px 16px'")


def press_once(button: ui.button, start: Callable[[], Any]) -> ui.button:
    """Let a button start something once, however often it is pressed; only where that failed it can be pressed again.

    Args:
        button: The button.
        start: What it starts; a mistake of the user is told.
    """

    async def act() -> None:
        if not button.enabled:
            return  # the second of two clicks was on its way
        button.disable()
        try:
            done = start()
            if inspect.isawaitable(done):
                await done
        except BaseException:
            button.enable()
            raise

    return button.on_click(tell_errors(act))


def read_number(field: ui.number) -> int:
    """Return the whole number of a field.

    Raises:
        UserError: It was emptied.
    """
    if field.value is None:
        raise UserError(f"{str(field.props['label']).partition(':')[0]}: give a number")
    return int(field.value)


def tile(label: str, value: str, below: str = "") -> None:
    """Show a key figure."""
    with ui.element("div").classes("tile"):
        text(label, "tiny muted")
        text(value, "big")
        if below:
            text(below, "tiny muted")


def say_empty(title: str, sentence: str, label: str, address: str) -> None:
    """Show that there is nothing yet, and where to begin."""
    with block():
        heading(title, 2)
        text(sentence, "muted")
        with ui.element("div").classes("line"):
            primary_button(label, lambda: ui.navigate.to(address), "arrow_forward")


def fail(message: str) -> None:
    """Show what went wrong in a sentence."""
    with ui.element("div").classes("fail").props("role=alert"):
        text(say(message))


def tell_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let an action of a page tell the user's mistakes, instead of only writing them to the log."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def act_later(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except ChemVAEError as error:
                notify_error(str(error))
                return None

        return act_later

    @functools.wraps(function)
    def act(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ChemVAEError as error:
            notify_error(str(error))
            return None

    return act


def notify_error(message: str) -> None:
    """Show a message of something that went wrong until it is closed."""
    ui.notify(
        say(message),
        type="negative",
        multi_line=True,
        timeout=0,
        position="top",
        actions=[{"label": "Close", "color": "white"}],
    )
