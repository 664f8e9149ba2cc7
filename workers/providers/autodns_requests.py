"""What we send to AutoDNS and what it promises to answer, one model per service.

Owns names, types and required fields; workers/providers/autodns.py makes services of them. A request is kept in the effect ledger and must
survive JSON unchanged. Whether PUT leaves alone what it does not say is documented nowhere: so what is known of a customer goes along.
Source: routes and task codes of InterNetX/js-domainrobot-sdk; help page "Basic Customer Object"; read 2026-11-21.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from receiver.errors import PayloadInvalid
from receiver.sources.autodns_codec import customer_of
from receiver.sources.autodns_fields import WRITTEN

NAMED = ("client", "number")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Number = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[1-9][0-9]{0,18}$")]
Client = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]


class Accepted(BaseModel):
    """What a writing call answers. `later`: the order was accepted, and `order.reported` tells how it ended."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    stid: str | None = None
    code: str = ""
    later: bool = False
    object_id: Text | None = None
    client: Client | None = None
    number: Number | None = None

    @property
    def id(self) -> str | None:
        """ "client/number", where the answer has the customer."""
        return f"{self.client}/{self.number}" if self.client and self.number else None


class ApiRequest(BaseModel):
    """One writing call."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    method: ClassVar[str] = "PUT"

    @property
    def path(self) -> str:
        """Below the API's base address."""
        raise NotImplementedError

    def content(self) -> Any:
        """What the body holds; None for no body."""
        return None

    def confirmed(self, reply: Accepted) -> bool:
        """Whether the reply speaks of what was asked."""
        return True


class CreateCustomer(ApiRequest):
    """POST /customer/_upgrade. With `client` and `number` among the `fields` it can be found again."""

    method = "POST"
    fields: dict[str, Any] = Field(min_length=1, repr=False)

    @field_validator("fields")
    @classmethod
    def _written(cls, fields: dict[str, Any]) -> dict[str, Any]:
        if any(name in fields for name in NAMED) and not all(name in fields for name in NAMED):
            raise ValueError("a customer is named by client and number together: give both or neither")
        return checked(fields, WRITTEN | set(NAMED))

    @property
    def path(self) -> str:
        return "customer/_upgrade"

    @property
    def id(self) -> str | None:
        """ "client/number", where the request names them."""
        return f"{self.fields['client']}/{self.fields['number']}" if "number" in self.fields else None

    def content(self) -> Any:
        return self.fields

    def confirmed(self, reply: Accepted) -> bool:
        named = reply.id is not None or reply.object_id is not None or (reply.later and reply.stid is not None)
        return named and (reply.id is None or self.id is None or reply.id == self.id)


class UpdateCustomer(ApiRequest):
    """PUT /customer/{client}/{number}. `fields` are changed; `known` is what else is said, as it was read before."""

    client: Client
    number: Number
    fields: dict[str, Any] = Field(min_length=1, repr=False)
    known: dict[str, Any] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, said: Any) -> Any:
        """`customer_id` "client/number" stands for the two."""
        if isinstance(said, Mapping) and "customer_id" in said:
            client, _, number = str(said["customer_id"]).partition("/")
            return {name: value for name, value in said.items() if name != "customer_id"} | {"client": client, "number": number}
        return said

    @field_validator("fields", "known")
    @classmethod
    def _written(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return checked(fields, WRITTEN)

    @property
    def id(self) -> str:
        """ "client/number"."""
        return f"{self.client}/{self.number}"

    @property
    def path(self) -> str:
        return f"customer/{self.client}/{self.number}"

    def content(self) -> Any:
        return {"client": self.client, "number": int(self.number)} | self.known | self.fields

    def confirmed(self, reply: Accepted) -> bool:
        return reply.object_id in (None, self.number) and reply.id in (None, self.id)


class ConfirmMessage(ApiRequest):
    """PUT /poll/{id}: the message is gone for everybody, and the next one is served."""

    message_id: Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[0-9]{1,32}$")]

    @property
    def path(self) -> str:
        return f"poll/{self.message_id}"


def checked(fields: Mapping[str, Any], allowed: frozenset[str] | set[str]) -> dict[str, Any]:
    """The fields, where each is one that may be written and is of its type. Raises ValueError naming the first that is not."""
    strangers = sorted(set(fields) - allowed)
    if strangers:
        raise ValueError(f"a customer has no field that may be written called {', '.join(strangers)}")
    try:
        customer_of({"client": "x", "number": 1} | dict(fields))
    except PayloadInvalid as wrong:
        raise ValueError(f"{wrong.field} is not what a customer has there") from None
    return dict(fields)
