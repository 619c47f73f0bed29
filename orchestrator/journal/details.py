"""The facts of an incident that people know: asked once, and used by letters, pages, reports and manuals."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from stopgap.orchestrator.message import MailAddress, ShortLine
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.timezone import TimeZone

FOR_AUTHORITIES = frozenset({"aware_at", "data", "people", "harm", "told", "publication", "prevention"})
"""Details that notices to authorities need, and nobody knows in the first hour."""


class IncidentDetails(BaseModel):
    """What is known of an incident beside the runs. A missing field is unknown, and no paper asserts it.

    Fields with the name of a runbook's parameter are the parameter's value in runs of the incident, unless the
    command line gives another value.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    reporter: ShortLine | None = Field(None, description="Who is in charge.")
    phone: ShortLine | None = Field(None, description="Telephone of who is in charge.")
    contact: MailAddress | None = Field(None, description="Mail address for answers, without the host in its way.")
    organisation: ShortLine | None = Field(None, description="Whose host it is.")
    customer: ShortLine | None = Field(None, description="Number of the contract with the provider.")
    provider: MailAddress | None = Field(None, description="Mail address of the provider.")
    provider_name: ShortLine | None = Field(None, description="Name of the provider.")
    hostnames: ShortLine | None = Field(None, description="Full names of the host, separated by commas.")
    service: ShortLine | None = Field(None, description="What the host serves, in English.")
    service_ja: ShortLine | None = Field(None, description="What the host serves, in Japanese.")
    severity: Severity | None = Field(None, description="How bad it is: critical, high, medium, low or info.")
    seen_at: AwareDatetime | None = Field(None, description="When it was noticed, with the offset from UTC.")
    seen: ShortLine | None = Field(None, description="What was seen, and how it was noticed.")
    seen_ja: ShortLine | None = Field(None, description="What was seen, in Japanese.")
    aware_at: AwareDatetime | None = Field(
        None, description="When it became known that personal data may be concerned, with the offset from UTC."
    )
    data: ShortLine | None = Field(None, description="Which data may be concerned.")
    people: ShortLine | None = Field(None, description="Whose data, and how many persons.")
    harm: ShortLine | None = Field(None, description="Secondary damage, or the fear of it.")
    told: ShortLine | None = Field(None, description="What was done for the persons concerned.")
    publication: ShortLine | None = Field(None, description="What was published, where and when.")
    prevention: ShortLine | None = Field(None, description="Measures against a recurrence.")
    costs: ShortLine | None = Field(None, description="Costs so far, such as 120000 JPY for the provider's work.")
    page_shown: int | None = Field(None, ge=0, description="How many requests were shown the maintenance page.")
    tlp: Literal["red", "amber+strict", "amber", "green", "clear"] | None = Field(
        None,
        description="Who may read the papers, by the Traffic Light Protocol: red, amber+strict, amber, green, clear.",
    )
    credentials_at: ShortLine | None = Field(
        None, description="Where keys and passwords are kept, such as the name of the safe; never a password."
    )
    call: ShortLine | None = Field(
        None, description="Whom to call besides, with telephone: NAME NUMBER, separated by semicolons."
    )
    timezone: TimeZone | None = Field(None, description="Time zone of the papers, such as Asia/Tokyo.")

    def with_more(self, later: IncidentDetails) -> IncidentDetails:
        """Return the details with the known fields of later details in place of earlier ones.

        >>> IncidentDetails(phone="1").with_more(IncidentDetails(reporter="Kei")).phone
        '1'
        """
        return self.model_copy(update=later.model_dump(exclude_none=True))

    def as_parameters(self) -> dict[str, str]:
        """Return the known fields as text, as for `-p NAME=VALUE`."""
        known = self.model_dump(mode="json", exclude_none=True)
        return {name: str(value) for name, value in known.items()}
