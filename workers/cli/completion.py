"""`billhook completion SHELL`: a script that completes commands and options, made once, so that pressing Tab starts no program."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import typer

Shell = Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="For which shell.")]
Tree = Mapping[tuple[str, ...], tuple[str, list[str], list[str]]]

BASH = """\
_billhook() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" at="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in
      -c|--config) ((i++)) ;;
      -*) ;;
      *) at="$at ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$at " in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _billhook billhook
"""


def completion(context: typer.Context, shell: Shell) -> None:
    """Print a script that completes billhook's commands and options in your shell.

    bash: billhook completion bash > ~/.local/share/bash-completion/completions/billhook; zsh: source <(billhook completion zsh);
    fish: billhook completion fish > ~/.config/fish/completions/billhook.fish. Make it again after an update.
    """
    tree = dict(_tree(context.find_root().command, ()))
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](tree), end="")


def _tree(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, list[str], list[str]]]]:
    """Each command by its words: (what it does in a line, what may follow, its options)."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    options = [name for one in command.params for name in one.opts if name.startswith("--")] + ["--help"]
    yield path, ((command.help or "").strip().partition("\n")[0], sorted(below), options)
    for name, one in below.items():
        yield from _tree(one, (*path, name))


def _bash(tree: Tree) -> str:
    longest_first = sorted(tree.items(), key=lambda item: -len(item[0]))
    cases = (
        f"""    "{"".join(f" {word}" for word in path)} "*) words="{" ".join([*below, *options])}" ;;"""
        for path, (_, below, options) in longest_first
    )
    return BASH.format(cases="\n".join(cases))


def _zsh(tree: Tree) -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(tree)}"


def _fish(tree: Tree) -> str:
    lines = ["complete -c billhook -f"]
    for path, (_, below, options) in tree.items():
        here = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path) or "__fish_use_subcommand"
        lines += [f"complete -c billhook -n '{here}' -a {name} -d '{_quoted(tree[*path, name][0])}'" for name in below]
        lines += [f"complete -c billhook -n '{here}' -l {name.removeprefix('--')}" for name in options]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
