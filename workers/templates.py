"""Texts that operators may word themselves: Jinja templates of a folder before those a workflow ships, rendered in a sandbox.

For authors (workers/authoring.py). A template sees only the facts it is given, and a name that is not among them is a mistake: render
every text once with made-up facts when a policy is loaded, and what would fail later is refused then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

SUBJECT_MAX = 200
# What an expression in a text can raise, beside a mistake of Jinja's own: 1/0, total + 1, a text that includes itself, bytes not in UTF-8.
WRONG = (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError)


class _Texts(ImmutableSandboxedEnvironment):
    """Nothing that counts on and on: no range(), and neither `*` nor `**`, which make a text as large as the memory."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise TypeError(f"a text multiplies nothing ({operator}): amounts come as they are to be read")


@dataclass(frozen=True, slots=True)
class Text:
    """One message: a subject of one line and its body."""

    subject: str
    message: str


class Templates:
    """The templates of one folder (None: none) before the shipped ones; plain text, nothing is escaped.

    `languages`: the folders that hold them. Raises ValueError where the folder is not there; `known` is told where a text names another.
    """

    def __init__(self, shipped: Path, folder: str | None, *, known: Iterable[str]) -> None:
        if folder and not Path(folder).is_dir():
            raise ValueError(f'templates: there is no folder "{folder}"')
        places = [Path(folder), shipped] if folder else [shipped]
        self._known, self._looked_at = ", ".join(known), set[str]()
        self._jinja = _Texts(
            loader=FileSystemLoader(places), undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )
        del self._jinja.globals["range"], self._jinja.globals["lipsum"]
        inner = [one for place in places for one in place.iterdir() if one.is_dir()]
        self.languages = frozenset(one.name for one in inner if not one.name.startswith("."))

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """The template `name`, such as "de/message.txt". Raises ValueError naming the file and what is wrong with it."""
        try:
            template = self._jinja.get_template(name)
            self._names(name, facts)
            return template.render(facts)
        except WRONG as wrong:
            said = "it is missing" if wrong.__class__.__name__ == "TemplateNotFound" else getattr(wrong, "message", None) or str(wrong)
            raise ValueError(f"template {name}: {said}; known names are {self._known}") from wrong

    def _names(self, name: str, facts: Mapping[str, Any]) -> None:
        """Refuse a name that is not among the facts wherever it stands, also where the made-up facts do not lead; once per template."""
        if name in self._looked_at or self._jinja.loader is None:
            return
        named = meta.find_undeclared_variables(self._jinja.parse(self._jinja.loader.get_source(self._jinja, name)[0]))
        if unknown := sorted(named - facts.keys() - self._jinja.globals.keys()):
            raise UndefinedError(f"'{unknown[0]}' is undefined")
        self._looked_at.add(name)


def text_of(language: str, subject: str, message: str) -> Text:
    """The message of two rendered templates, its subject on one line. Raises ValueError where either is empty."""
    one_line = " ".join(subject.split())[:SUBJECT_MAX]
    if not one_line or not message.strip():
        raise ValueError(f"the text in {language} is empty: a subject and a message are both required")
    return Text(one_line, message.strip() + "\n")
