"""A change at a provider, made by the provider's own program (`connection: exec`)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from stopgap.orchestrator.change.base import Change
from stopgap.orchestrator.provider_script import Alter, ProviderRequest, to_provider_text
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import Translatable


class ProviderChange(Change):
    """From the snapshot `request.before` to `request.wanted`; the undo goes back.

    The snapshot before is on record ahead of the change. The undo proceeds only from the state that the change has
    left, so that later work of other people is kept.
    """

    deadline: ClassVar[float] = 300.0
    """Clouds take up to minutes until a change is in force."""
    kind: Literal["provider"] = "provider"
    about: Translatable
    request: ProviderRequest
    diff: tuple[str, ...] = ()
    undo_about: Translatable

    @model_validator(mode="after")
    def _without_rollback_timer(self) -> Self:
        if self.rollback_timer is not None:
            raise ValueError(tr("no rollback timer runs at a provider"))
        return self

    def describe(self) -> str:
        """Return `about`."""
        return self.about

    def preview(self) -> list[str]:
        """Return the provider's own diff."""
        return list(self.diff)

    def describe_undo(self) -> str:
        """Return the effect of the undo."""
        return self.undo_about

    def do_script(self) -> str:
        """Return the dialogue from the state before to the state wanted."""
        return to_provider_text(Alter(request=self.request.model_copy(update={"op": "apply"})))

    def undo_script(self, *, force: bool = False, sure: bool = True) -> str:
        """Return the dialogue back to the state before.

        Args:
            force: proceed also from any other state.
            sure: the change is known to be complete; otherwise a part of the change is taken back, too.
        """
        request = self.request.model_copy(update={"op": "undo"})
        return to_provider_text(Alter(request=request, sure=sure, force=force))
