"""What the configuration that runs has made: one object that all parts look at, so a reload reaches all at once."""

from __future__ import annotations

from dataclasses import dataclass

from box_sidecar.box.client import BoxClient
from box_sidecar.policy import Policy
from box_sidecar.rate_limit import MintLimits
from box_sidecar.settings import Settings


@dataclass(slots=True)
class Current:
    """Policy, limits and Box of this moment. Who needs the same one for several steps takes it out first."""

    settings: Settings
    policy: Policy
    limits: MintLimits
    box: BoxClient
    patience: float
    """Seconds within which all calls to Box for one request must have ended."""

    @classmethod
    def of(cls, settings: Settings, box: BoxClient, patience: float) -> Current:
        """The parts of a configuration, made of its settings."""
        policy = settings.policy
        limits = MintLimits(policy.mints_per_user_per_minute, policy.mints_per_minute)
        return cls(settings, Policy(policy), limits, box, patience)

    def become(self, other: Current) -> None:
        """Be another one from now on, for everybody who looks at this."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))
