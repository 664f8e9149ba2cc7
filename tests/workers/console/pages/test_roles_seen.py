"""What a role does not allow is seen, and said, but is no button."""

import pytest

from tests.workers.console.conftest import Browser, Made
from workers.console.buttons import button
from workers.console.roles import Role
from workers.console.site import role_for


@pytest.mark.parametrize(
    ("href", "role"),
    [("/act/approve?subject=1", "approver"), ("/act/retry?subject=1", "operator"), ("/hold/unfreeze", "approver"), ("/say/x", "operator"),
     ("/replay?event=1", "operator"), ("/deliveries/3", "viewer"), ("/act/unheard-of", "approver")],
)  # fmt: skip
def test_an_address_tells_the_role_its_act_takes(href: str, role: str) -> None:
    assert role_for(href) == role


def test_a_button_leads_to_an_act_for_who_may(browser: Browser, made: Made) -> None:
    act = button(f"billhook approve {made.effect}")

    assert act is not None
    assert f'href="{act.href}"' in browser.get("/needs").text
    assert "takes the role" not in browser.get("/needs").text


ROLES: list[Role] = ["viewer", "operator"]


@pytest.mark.parametrize("role", ROLES)
def test_who_may_not_sees_the_role_it_takes(browser: Browser, made: Made, role: Role) -> None:
    template = browser.app.state.site.templates.from_string('{% from "acts.html.j2" import button_to %}{{ button_to(act, person) }}')
    page = template.render(
        act=button(f"billhook approve {made.effect}"), person=type("Person", (), {"may": lambda self, wanted: wanted == role})()
    )

    assert "href" not in page and 'title="takes the role approver"' in page
