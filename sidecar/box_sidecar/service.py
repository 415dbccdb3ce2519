"""The parts that make, hold and end tokens, put together; and what a new configuration changes in all of them."""

from __future__ import annotations

from box_sidecar.box.client import BoxClient
from box_sidecar.current import Current
from box_sidecar.issuer import Issuer
from box_sidecar.ledger import Ledger
from box_sidecar.minter import Minter
from box_sidecar.paths import OnCreation, Paths
from box_sidecar.renewer import OnRenewal, Renewer
from box_sidecar.revocation import Revocations
from box_sidecar.settings import Settings
from box_sidecar.sharing import Sharing
from box_sidecar.token_cache import TokenCache
from box_sidecar.users import Users


class TokenService:
    """Issues, renews and revokes tokens by one policy for one Box app. ``patience``: see :class:`Current`."""

    def __init__(
        self,
        settings: Settings,
        box: BoxClient,
        patience: float,
        on_renewal: OnRenewal,
        on_creation: OnCreation,
        ledger: Ledger,
        sharing: Sharing | None = None,
    ) -> None:
        self._sharing = sharing = sharing or Sharing()
        self.current = Current.of(settings, box, patience)
        self.cache = TokenCache(settings.cache.max_tokens, self._named)
        self._ledger = ledger
        ledger.names_of = self.cache.names.of
        self.revocations = Revocations(self.current, self.cache, ledger, sharing)
        self.users = Users(self.current, self.cache, self.revocations, sharing)
        minter = Minter(self.current, self.cache, self.revocations, sharing)
        self.renewer = Renewer(self.current, self.cache, self.users, minter, on_renewal)
        paths = Paths(self.current, self.cache, minter, on_creation)
        self.issuer = Issuer(
            self.current, self.cache, self.users, self.revocations, minter, paths, self.renewer, sharing
        )

    def _named(self, user_id: str) -> None:
        if held := self.cache.tokens_of(user_id):
            self._ledger.add_names(user_id, max(token.expires_at for token in held))

    def start(self) -> None:
        """Begin the background work; call inside the running event loop."""
        self.revocations.recover()
        self.revocations.start()
        self.renewer.start()

    async def stop(self) -> None:
        """End it."""
        await self.renewer.stop()
        await self.revocations.stop()
        self._ledger.close()

    def configure(self, settings: Settings, box: BoxClient, patience: float, *, forget: bool) -> None:
        """Go on under another configuration; ``forget`` everything if it is another Box app's.

        What the new policy would refuse is handed out no more, and revoked at Box soon.
        """
        before, policy = self.current.policy, self.current.settings.policy
        self.current.become(Current.of(settings, box, patience))
        self.users.forget_unknown()
        if forget:
            self.revocations.begin_anew()
        self.cache.resize(settings.cache.max_tokens)
        # Whether a file lies in an allowed folder was judged when its token was made.
        self.revocations.follow_policy(
            files_too=self.current.policy.may_refuse_files_of(before), recovered_too=settings.policy != policy
        )
