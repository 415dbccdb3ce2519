"""The commented configuration that ``box-sidecar config`` prints."""

from __future__ import annotations

#: What ``box-sidecar config`` prints. A test holds it to the defaults above, key by key.
TEMPLATE = """\
# Configuration of the Box sidecar. Every key stands here with its default.

[box]
# The JSON from the Box Developer Console (Configuration → Download as JSON). It holds the key to your
# enterprise: mode 0600. Relative to this file; or a name in systemd's $CREDENTIALS_DIRECTORY.
app_config = "box_config.json"
# Where Box's API is. Plain http only for a loopback address.
api_url = "https://api.box.com"
# Seconds that one call to Box may take. All retries together end after one and a half times this.
timeout_s = 10.0

[server]
# The Unix socket, at most 107 bytes long. The sidecar never listens on the network.
socket = "/run/box-sidecar/box-sidecar.sock"
socket_mode = "0660"
# Group of the socket, for instance "www-data".
socket_group = ""
# Names or uids that may connect, told by the kernel. Empty: this service's own user, root, and the
# members of socket_group.
allowed_users = []

[policy]
# Mail domains whose people may get tokens. Empty: everybody in the enterprise.
# App users' logins end in boxdevedition.com: name that too if you use them.
login_domains = []
# Box roles that never get a token.
denied_roles = ["admin", "coadmin"]
# Logins that never get a token, each as a whole.
denied_logins = []
# Folder ids that may be asked for ("0" is a person's root). Empty: any. A file may be asked for when
# it lies somewhere below one of them.
folders = []
# Whether POST /v1/users may create app users.
provision_app_users = false
# New tokens, per person and for all together. Tokens from the cache are not counted.
mints_per_user_per_minute = 30
mints_per_minute = 600
# Believe a token for a person's root whose answer says nothing of its scopes; if Box then granted more
# than was asked, nobody would notice.
accept_unstated_scopes = false

# The most that each element's token may ever carry, besides the base scope. An element that is
# missing here is refused.
[policy.elements]
explorer = ["item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete"]
uploader = []
picker = ["item_share", "item_upload"]
preview = ["item_download", "annotation_edit", "annotation_view_all", "annotation_view_self"]
sidebar = ["item_comment", "item_rename", "item_upload", "item_task"]

[cache]
# Tokens kept in memory; the least recently used goes first.
max_tokens = 10000
# Seconds that a person's Box id, status and role are believed.
user_ttl_s = 3600.0
# Seconds that "no such user" is believed.
unknown_user_ttl_s = 60.0
# A token in use is renewed in the background once less than this is left, in seconds.
refresh_ahead_s = 600.0
# No answer carries a token with less life than this, in seconds, unless Box is down and it is all
# there is.
min_life_s = 120.0

[log]
# debug, info, warning or error. No level shows a secret.
level = "info"
# Where the audit goes, one JSON object a line. "-" is standard output.
audit_file = "-"
"""
