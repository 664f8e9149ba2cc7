"""`billhook completion`: a script a shell takes, which knows every command and option, and starts nothing."""

import shutil
import subprocess

import pytest

from tests.workers.cli.conftest import Billhook


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    ask = f'{script}\nCOMP_WORDS=({" ".join(words)} "")\nCOMP_CWORD={len(words)}\n_billhook\necho "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", ask], check=True, capture_output=True, text=True, timeout=10).stdout.split()


def test_bash_offers_commands_then_their_own_options(billhook: Billhook) -> None:
    script = billhook("completion", "bash").out

    assert {"up", "top", "tail", "deliveries"} <= set(completed(script, "billhook"))
    assert "show" in completed(script, "billhook", "deliveries")
    assert "--include-existing" in completed(script, "billhook", "--config", "x.toml", "mode", "shop")
    assert "show" not in completed(script, "billhook", "runs", "show")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_is_one_the_shell_can_read(billhook: Billhook, shell: str) -> None:
    told = billhook("completion", shell)

    assert told.code == 0
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=told.out, text=True, check=True, timeout=10)


def test_fish_knows_each_command_and_what_it_does(billhook: Billhook) -> None:
    out = billhook("completion", "fish").out

    assert "-n '__fish_use_subcommand' -a top -d 'What happens now" in out
    assert "-n '__fish_seen_subcommand_from tail' -l kind" in out


def test_a_shell_we_do_not_know_is_wrong_usage(billhook: Billhook) -> None:
    assert billhook("completion", "tcsh").code == 2
