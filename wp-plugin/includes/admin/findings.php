<?php
/**
 * What the sidecar may say, from its own code. Made by `make docs`; do not edit.
 *
 * @package WidgetsForBox
 */

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.Arrays.MultipleStatementAlignment -- Sentences are of many lengths.
return array(
	'The request can\'t be understood.' => __( 'The request can\'t be understood.', 'widgets-for-box' ),
	'Send what GET /openapi.json describes.' => __( 'Send what GET /openapi.json describes.', 'widgets-for-box' ),
	'This element is not allowed.' => __( 'This element is not allowed.', 'widgets-for-box' ),
	'Add it under [policy.elements].' => __( 'Add it under [policy.elements].', 'widgets-for-box' ),
	'This scope is not allowed for this element.' => __( 'This scope is not allowed for this element.', 'widgets-for-box' ),
	'Add it to the element\'s list under [policy.elements].' => __( 'Add it to the element\'s list under [policy.elements].', 'widgets-for-box' ),
	'This folder is not allowed.' => __( 'This folder is not allowed.', 'widgets-for-box' ),
	'Add its id to policy.folders.' => __( 'Add its id to policy.folders.', 'widgets-for-box' ),
	'This login is not allowed.' => __( 'This login is not allowed.', 'widgets-for-box' ),
	'See policy.login_domains and policy.denied_logins.' => __( 'See policy.login_domains and policy.denied_logins.', 'widgets-for-box' ),
	'People with this Box role get no token.' => __( 'People with this Box role get no token.', 'widgets-for-box' ),
	'See policy.denied_roles; a token of an administrator of Box would be worth more than a page should hold.' => __( 'See policy.denied_roles; a token of an administrator of Box would be worth more than a page should hold.', 'widgets-for-box' ),
	'App users may not be created.' => __( 'App users may not be created.', 'widgets-for-box' ),
	'Set policy.provision_app_users = true.' => __( 'Set policy.provision_app_users = true.', 'widgets-for-box' ),
	'Box knows no such person.' => __( 'Box knows no such person.', 'widgets-for-box' ),
	'Admin Console → Users & Groups: does a managed user have exactly this primary e-mail address? An alias or a name does not count. If nobody at all is found: Developer Console → your app → Configuration → App Access Level must be “App + Enterprise Access”, and the app reauthorized after that change.' => __( 'Admin Console → Users & Groups: does a managed user have exactly this primary e-mail address? An alias or a name does not count. If nobody at all is found: Developer Console → your app → Configuration → App Access Level must be “App + Enterprise Access”, and the app reauthorized after that change.', 'widgets-for-box' ),
	'Box knows several such people.' => __( 'Box knows several such people.', 'widgets-for-box' ),
	'Admin Console → Users & Groups: one login must belong to one person.' => __( 'Admin Console → Users & Groups: one login must belong to one person.', 'widgets-for-box' ),
	'The person\'s Box account is not active.' => __( 'The person\'s Box account is not active.', 'widgets-for-box' ),
	'Admin Console → Users & Groups: activate it.' => __( 'Admin Console → Users & Groups: activate it.', 'widgets-for-box' ),
	'The person has no folder at this path.' => __( 'The person has no folder at this path.', 'widgets-for-box' ),
	'Look in Box as this person: below the root only the person\'s own folders count, and letter case matters. To have what is missing made where people may upload, set policy.create_folders = true.' => __( 'Look in Box as this person: below the root only the person\'s own folders count, and letter case matters. To have what is missing made where people may upload, set policy.create_folders = true.', 'widgets-for-box' ),
	'The path does not lead to one folder.' => __( 'The path does not lead to one folder.', 'widgets-for-box' ),
	'Look at it in Box as this person: rename one of the two folders, or name the folder by its id.' => __( 'Look at it in Box as this person: rename one of the two folders, or name the folder by its id.', 'widgets-for-box' ),
	'The person\'s tokens were revoked while this one was made.' => __( 'The person\'s tokens were revoked while this one was made.', 'widgets-for-box' ),
	'Nothing is wrong: the person logged out or changed. Ask again if the person still may.' => __( 'Nothing is wrong: the person logged out or changed. Ask again if the person still may.', 'widgets-for-box' ),
	'Too many new tokens in a minute.' => __( 'Too many new tokens in a minute.', 'widgets-for-box' ),
	'Wait, or raise policy.mints_per_user_per_minute or policy.mints_per_minute; if nobody should be asking so often, look into the audit log.' => __( 'Wait, or raise policy.mints_per_user_per_minute or policy.mints_per_minute; if nobody should be asking so often, look into the audit log.', 'widgets-for-box' ),
	'This user of the machine may not connect.' => __( 'This user of the machine may not connect.', 'widgets-for-box' ),
	'Add the user to server.allowed_users, or to the group in server.socket_group.' => __( 'Add the user to server.allowed_users, or to the group in server.socket_group.', 'widgets-for-box' ),
	'This user of the machine may not ask for that.' => __( 'This user of the machine may not ask for that.', 'widgets-for-box' ),
	'Ask as root or as the sidecar\'s own user: box-sidecar revoke --all' => __( 'Ask as root or as the sidecar\'s own user: box-sidecar revoke --all', 'widgets-for-box' ),
	'No tokens are issued at the moment.' => __( 'No tokens are issued at the moment.', 'widgets-for-box' ),
	'Set policy.issue = true and send SIGHUP (systemctl reload box-sidecar), once you want tokens again.' => __( 'Set policy.issue = true and send SIGHUP (systemctl reload box-sidecar), once you want tokens again.', 'widgets-for-box' ),
	'Too many connections at once.' => __( 'Too many connections at once.', 'widgets-for-box' ),
	'Ask again in a moment.' => __( 'Ask again in a moment.', 'widgets-for-box' ),
	'The sidecar is not ready.' => __( 'The sidecar is not ready.', 'widgets-for-box' ),
	'Look at GET /health/ready or run: box-sidecar check' => __( 'Look at GET /health/ready or run: box-sidecar check', 'widgets-for-box' ),
	'The key can\'t sign at the moment.' => __( 'The key can\'t sign at the moment.', 'widgets-for-box' ),
	'Look at the token that box.key names: is it there, does its own tool reach it? What is in memory is served meanwhile. Run: box-sidecar check' => __( 'Look at the token that box.key names: is it there, does its own tool reach it? What is in memory is served meanwhile. Run: box-sidecar check', 'widgets-for-box' ),
	'Box asks us to slow down.' => __( 'Box asks us to slow down.', 'widgets-for-box' ),
	'Wait: Box limits calls per minute. Tokens already issued go on working.' => __( 'Wait: Box limits calls per minute. Tokens already issued go on working.', 'widgets-for-box' ),
	'Box can\'t be reached.' => __( 'Box can\'t be reached.', 'widgets-for-box' ),
	'Look at status.box.com, then at this machine\'s DNS, proxy and firewall. It mends itself once Box answers.' => __( 'Look at status.box.com, then at this machine\'s DNS, proxy and firewall. It mends itself once Box answers.', 'widgets-for-box' ),
	'The app is not authorized in this enterprise.' => __( 'The app is not authorized in this enterprise.', 'widgets-for-box' ),
	'Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration' => __( 'Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration', 'widgets-for-box' ),
	'The app may not act for users.' => __( 'The app may not act for users.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration → Advanced Features: enable “Generate user access tokens” and choose “App + Enterprise Access”. Then Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration → Advanced Features: enable “Generate user access tokens” and choose “App + Enterprise Access”. Then Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration', 'widgets-for-box' ),
	'Box does not accept the client id and secret.' => __( 'Box does not accept the client id and secret.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration: download the JSON again and put it in place of the old one.' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration: download the JSON again and put it in place of the old one.', 'widgets-for-box' ),
	'Box does not accept the key.' => __( 'Box does not accept the key.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration → Add and Manage Public Keys: is the key with this publicKeyID still there? Else generate a new key pair and put the downloaded JSON in place of the old one.' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration → Add and Manage Public Keys: is the key with this publicKeyID still there? Else generate a new key pair and put the downloaded JSON in place of the old one.', 'widgets-for-box' ),
	'The app lacks a permission.' => __( 'The app lacks a permission.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration → Application Scopes: “Read and write all files and folders”, “Manage users”; App Access Level: “App + Enterprise Access”. Then Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration → Application Scopes: “Read and write all files and folders”, “Manage users”; App Access Level: “App + Enterprise Access”. Then Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration', 'widgets-for-box' ),
	'The folder or file is not there for this person.' => __( 'The folder or file is not there for this person.', 'widgets-for-box' ),
	'Open it in Box as this person: was it deleted, or is the person not a collaborator of it?' => __( 'Open it in Box as this person: was it deleted, or is the person not a collaborator of it?', 'widgets-for-box' ),
	'Box does not accept the time in our assertion.' => __( 'Box does not accept the time in our assertion.', 'widgets-for-box' ),
	'The sidecar already corrects for this machine\'s clock. Something between here and Box changes the Date header of answers: look at the proxy\'s clock.' => __( 'The sidecar already corrects for this machine\'s clock. Something between here and Box changes the Date header of answers: look at the proxy\'s clock.', 'widgets-for-box' ),
	'Box refused.' => __( 'Box refused.', 'widgets-for-box' ),
	'See “box” for Box\'s own words.' => __( 'See “box” for Box\'s own words.', 'widgets-for-box' ),
	'The sidecar failed.' => __( 'The sidecar failed.', 'widgets-for-box' ),
	'Please report it with the lines of its log for this request_id.' => __( 'Please report it with the lines of its log for this request_id.', 'widgets-for-box' ),
	'Exp lies more than 60 s ahead of Box\'s clock: this host\'s clock is fast.' => __( 'Exp lies more than 60 s ahead of Box\'s clock: this host\'s clock is fast.', 'widgets-for-box' ),
	'Exp lies in Box\'s past: this host\'s clock is slow.' => __( 'Exp lies in Box\'s past: this host\'s clock is slow.', 'widgets-for-box' ),
	'Exp was not a whole number.' => __( 'Exp was not a whole number.', 'widgets-for-box' ),
	'Please report it: the sidecar always sends a whole number.' => __( 'Please report it: the sidecar always sends a whole number.', 'widgets-for-box' ),
	'Box does not accept exp and says no more: this host\'s clock is wrong.' => __( 'Box does not accept exp and says no more: this host\'s clock is wrong.', 'widgets-for-box' ),
	'An issue time in Box\'s future; the sidecar sends none.' => __( 'An issue time in Box\'s future; the sidecar sends none.', 'widgets-for-box' ),
	'An assertion was sent twice; the sidecar makes a new jti for each attempt.' => __( 'An assertion was sent twice; the sidecar makes a new jti for each attempt.', 'widgets-for-box' ),
	'Does a proxy between here and Box repeat requests? It must not.' => __( 'Does a proxy between here and Box repeat requests? It must not.', 'widgets-for-box' ),
	'The public key was removed at Box, or the JSON mixes two keys.' => __( 'The public key was removed at Box, or the JSON mixes two keys.', 'widgets-for-box' ),
	'The person was deleted, or belongs to another enterprise.' => __( 'The person was deleted, or belongs to another enterprise.', 'widgets-for-box' ),
	'EnterpriseID is not the app\'s enterprise.' => __( 'EnterpriseID is not the app\'s enterprise.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration: download the JSON again; if enterpriseID is 0 in it, the app has not been authorized yet.' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration: download the JSON again; if enterpriseID is 0 in it, the app has not been authorized yet.', 'widgets-for-box' ),
	'An administrator of Box has not authorized the app yet, or has withdrawn it.' => __( 'An administrator of Box has not authorized the app yet, or has withdrawn it.', 'widgets-for-box' ),
	'“Generate user access tokens” is off, the app\'s access level is “App Access Only”, or the app was not reauthorized after a change of either.' => __( '“Generate user access tokens” is off, the app\'s access level is “App Access Only”, or the app was not reauthorized after a change of either.', 'widgets-for-box' ),
	'The client id or the secret is wrong, or the secret was reset.' => __( 'The client id or the secret is wrong, or the secret was reset.', 'widgets-for-box' ),
	'The app was made for another authentication method than the JSON\'s.' => __( 'The app was made for another authentication method than the JSON\'s.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration → OAuth 2.0 … Server Authentication: with JWT the JSON has appAuth, with client credentials it has none. Download the JSON of this app again.' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration → OAuth 2.0 … Server Authentication: with JWT the JSON has appAuth, with client credentials it has none. Download the JSON of this app again.', 'widgets-for-box' ),
	'The grant was missing or changed on its way.' => __( 'The grant was missing or changed on its way.', 'widgets-for-box' ),
	'Does a proxy between here and Box change requests?' => __( 'Does a proxy between here and Box change requests?', 'widgets-for-box' ),
	'Client credentials: the app may not act for users, or not for this one.' => __( 'Client credentials: the app may not act for users, or not for this one.', 'widgets-for-box' ),
	'The client secret is right: the service account got a token. In this order: 1. Developer Console (app.box.com/developers/console) → your app → Configuration → Advanced Features: is “Generate user access tokens” on? 2. App Access Level: is it “App + Enterprise Access”? 3. Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration' => __( 'The client secret is right: the service account got a token. In this order: 1. Developer Console (app.box.com/developers/console) → your app → Configuration → Advanced Features: is “Generate user access tokens” on? 2. App Access Level: is it “App + Enterprise Access”? 3. Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration', 'widgets-for-box' ),
	'Client credentials: wrong secret, wrong enterprise, or the app is not authorized.' => __( 'Client credentials: wrong secret, wrong enterprise, or the app is not authorized.', 'widgets-for-box' ),
	'In this order: 1. Developer Console (app.box.com/developers/console) → your app → Configuration: is it an app for client credentials, and is the client secret this one? 2. Is enterpriseID this enterprise\'s? 3. Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration' => __( 'In this order: 1. Developer Console (app.box.com/developers/console) → your app → Configuration: is it an app for client credentials, and is the client secret this one? 2. Is enterpriseID this enterprise\'s? 3. Admin Console (app.box.com/master) → Integrations → Platform Apps Manager: authorize the app, or reauthorize it after any change to its configuration', 'widgets-for-box' ),
	'Client credentials: the app may not act for users.' => __( 'Client credentials: the app may not act for users.', 'widgets-for-box' ),
	'Client credentials: the app may not act for the enterprise.' => __( 'Client credentials: the app may not act for the enterprise.', 'widgets-for-box' ),
	'Box does not know the person\'s token, which it has just issued itself; a new one did not help.' => __( 'Box does not know the person\'s token, which it has just issued itself; a new one did not help.', 'widgets-for-box' ),
	'Ask again in a minute. If it stays so, look at status.box.com and ask Box support.' => __( 'Ask again in a minute. If it stays so, look at status.box.com and ask Box support.', 'widgets-for-box' ),
	'The folder or file was deleted, or the person can\'t see it.' => __( 'The folder or file was deleted, or the person can\'t see it.', 'widgets-for-box' ),
	'A scope that the app itself does not have.' => __( 'A scope that the app itself does not have.', 'widgets-for-box' ),
	'Scopes beyond the app\'s own: Box answers 401 and says no more.' => __( 'Scopes beyond the app\'s own: Box answers 401 and says no more.', 'widgets-for-box' ),
	'Scopes beyond the app\'s own.' => __( 'Scopes beyond the app\'s own.', 'widgets-for-box' ),
	'The person was deleted.' => __( 'The person was deleted.', 'widgets-for-box' ),
	'The file was deleted, or the person can\'t see it.' => __( 'The file was deleted, or the person can\'t see it.', 'widgets-for-box' ),
	'Box does not accept the person\'s token for the folders of a path, not even a new one.' => __( 'Box does not accept the person\'s token for the folders of a path, not even a new one.', 'widgets-for-box' ),
	'The folder at which a path begins was deleted, or the person can\'t see it.' => __( 'The folder at which a path begins was deleted, or the person can\'t see it.', 'widgets-for-box' ),
	'A folder of a path is not there, and the person may not make it.' => __( 'A folder of a path is not there, and the person may not make it.', 'widgets-for-box' ),
	'The app may not look people up: “Manage users” or “App + Enterprise Access” is missing.' => __( 'The app may not look people up: “Manage users” or “App + Enterprise Access” is missing.', 'widgets-for-box' ),
	'Box does not accept the service account\'s token, not even a new one.' => __( 'Box does not accept the service account\'s token, not even a new one.', 'widgets-for-box' ),
	'Box has failed repeatedly and is being probed. The last failure:' => __( 'Box has failed repeatedly and is being probed. The last failure:', 'widgets-for-box' ),
	'Box\'s answer does not say what the token may do, so it was revoked and thrown away.' => __( 'Box\'s answer does not say what the token may do, so it was revoked and thrown away.', 'widgets-for-box' ),
	'Please report it with the output of box-sidecar check --probe --json. Until it is understood, policy.accept_unstated_scopes = true believes such tokens for a person\'s root unseen.' => __( 'Please report it with the output of box-sidecar check --probe --json. Until it is understood, policy.accept_unstated_scopes = true believes such tokens for a person\'s root unseen.', 'widgets-for-box' ),
	'Box\'s answer grants more than was asked for.' => __( 'Box\'s answer grants more than was asked for.', 'widgets-for-box' ),
	'The token was revoked and thrown away. If it happens again, ask Box support about restricted_to.' => __( 'The token was revoked and thrown away. If it happens again, ask Box support about restricted_to.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'More than {count} items lie there, and not all of them were looked at.' => __( 'More than {count} items lie there, and not all of them were looked at.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'More than {count} people at Box have a name or login that begins with this one.' => __( 'More than {count} people at Box have a name or login that begins with this one.', 'widgets-for-box' ),
	'Box answered with the token that was to be narrowed.' => __( 'Box answered with the token that was to be narrowed.', 'widgets-for-box' ),
	'Box\'s answer is not about this person.' => __( 'Box\'s answer is not about this person.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box said: {words}' => __( 'Box said: {words}', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Something between here and Box answered {status} with {kind}.' => __( 'Something between here and Box answered {status} with {kind}.', 'widgets-for-box' ),
	'Box answered 429, too many requests.' => __( 'Box answered 429, too many requests.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box answered {status}.' => __( 'Box answered {status}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Something between here and Box answered {status}, a redirect.' => __( 'Something between here and Box answered {status}, a redirect.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box answered {status} with JSON of another form: {form}.' => __( 'Box answered {status} with JSON of another form: {form}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box answered {status} with something that can\'t be read.' => __( 'Box answered {status} with something that can\'t be read.', 'widgets-for-box' ),
	'Box asked us to wait.' => __( 'Box asked us to wait.', 'widgets-for-box' ),
	'Box did not answer in time.' => __( 'Box did not answer in time.', 'widgets-for-box' ),
	'Box\'s TLS certificate is not trusted here (a private CA? set SSL_CERT_FILE).' => __( 'Box\'s TLS certificate is not trusted here (a private CA? set SSL_CERT_FILE).', 'widgets-for-box' ),
	'The name of Box\'s host can\'t be resolved (DNS).' => __( 'The name of Box\'s host can\'t be resolved (DNS).', 'widgets-for-box' ),
	'The proxy can\'t be reached.' => __( 'The proxy can\'t be reached.', 'widgets-for-box' ),
	'No TLS connection to Box could be made.' => __( 'No TLS connection to Box could be made.', 'widgets-for-box' ),
	'No connection to Box could be made.' => __( 'No connection to Box could be made.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The proxy refused with status {status}.' => __( 'The proxy refused with status {status}.', 'widgets-for-box' ),
	'The connection to Box broke.' => __( 'The connection to Box broke.', 'widgets-for-box' ),
	'No attempt was made.' => __( 'No attempt was made.', 'widgets-for-box' ),
	'Does a proxy between here and Box change answers? Else ask Box support about this one.' => __( 'Does a proxy between here and Box change answers? Else ask Box support about this one.', 'widgets-for-box' ),
	'Box\'s answer was too long.' => __( 'Box\'s answer was too long.', 'widgets-for-box' ),
	'Box was too slow.' => __( 'Box was too slow.', 'widgets-for-box' ),
	'No tokens are issued: policy.issue is false.' => __( 'No tokens are issued: policy.issue is false.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Tokens that a restart forgets can\'t be revoked. The ledger: {why}.' => __( 'Tokens that a restart forgets can\'t be revoked. The ledger: {why}.', 'widgets-for-box' ),
	'Let the sidecar write there (systemd: StateDirectory=box-sidecar), or name another place in cache.ledger.' => __( 'Let the sidecar write there (systemd: StateDirectory=box-sidecar), or name another place in cache.ledger.', 'widgets-for-box' ),
	'Box accepts the client id, the secret and the key; the app is authorized.' => __( 'Box accepts the client id, the secret and the key; the app is authorized.', 'widgets-for-box' ),
	'Take the file over: systemctl reload box-sidecar (SIGHUP); restart it for another [server], box.api_url, cache.ledger, cache.store or usage.file.' => __( 'Take the file over: systemctl reload box-sidecar (SIGHUP); restart it for another [server], box.api_url, cache.ledger, cache.store or usage.file.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The private key opens; its publicKeyID is {key_id}.' => __( 'The private key opens; its publicKeyID is {key_id}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The audit goes to {path}.' => __( 'The audit goes to {path}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The store can\'t be used: {why}. This sidecar goes on with its own memory.' => __( 'The store can\'t be used: {why}. This sidecar goes on with its own memory.', 'widgets-for-box' ),
	'Look at the server that cache.store names: does it run, are user, password and certificate right? It mends itself once it answers.' => __( 'Look at the server that cache.store names: does it run, are user, password and certificate right? It mends itself once it answers.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Create it, or let systemd do it: RuntimeDirectory={name}' => __( 'Create it, or let systemd do it: RuntimeDirectory={name}', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The socket is {path}.' => __( 'The socket is {path}.', 'widgets-for-box' ),
	'A proxy in the environment is used.' => __( 'A proxy in the environment is used.', 'widgets-for-box' ),
	'Box\'s answer had no Date, so its clock is unknown.' => __( 'Box\'s answer had no Date, so its clock is unknown.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'This machine\'s clock is right ({offset} s from Box\'s).' => __( 'This machine\'s clock is right ({offset} s from Box\'s).', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The running sidecar has another configuration: {differences}.' => __( 'The running sidecar has another configuration: {differences}.', 'widgets-for-box' ),
	'The running sidecar has another configuration.' => __( 'The running sidecar has another configuration.', 'widgets-for-box' ),
	'The JSON has no key pair: the client credentials grant is used.' => __( 'The JSON has no key pair: the client credentials grant is used.', 'widgets-for-box' ),
	'The key opens, but publicKeyID is not eight letters and digits as Box makes them.' => __( 'The key opens, but publicKeyID is not eight letters and digits as Box makes them.', 'widgets-for-box' ),
	'Developer Console (app.box.com/developers/console) → your app → Configuration → Add and Manage Public Keys: compare the ID.' => __( 'Developer Console (app.box.com/developers/console) → your app → Configuration → Add and Manage Public Keys: compare the ID.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The audit can\'t be written to {path}, so nothing is issued.' => __( 'The audit can\'t be written to {path}, so nothing is issued.', 'widgets-for-box' ),
	'Is the disk full? Does nobody read standard output? It mends itself once it can be written.' => __( 'Is the disk full? Does nobody read standard output? It mends itself once it can be written.', 'widgets-for-box' ),
	'The audit goes to standard output.' => __( 'The audit goes to standard output.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The store is {server}; it takes Redis 7, or Valkey.' => __( 'The store is {server}; it takes Redis 7, or Valkey.', 'widgets-for-box' ),
	'Update the server that cache.store names.' => __( 'Update the server that cache.store names.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The directory {directory} is missing.' => __( 'The directory {directory} is missing.', 'widgets-for-box' ),
	'Every user of this machine may open the socket; only the sidecar turns them away.' => __( 'Every user of this machine may open the socket; only the sidecar turns them away.', 'widgets-for-box' ),
	'Set server.socket_mode = "0660" and server.socket_group.' => __( 'Set server.socket_mode = "0660" and server.socket_group.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'{url} answers.' => __( '{url} answers.', 'widgets-for-box' ),
	'Does a proxy remove the Date header?' => __( 'Does a proxy remove the Date header?', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box\'s clock is {offset} s from this machine\'s. The sidecar corrects for it.' => __( 'Box\'s clock is {offset} s from this machine\'s. The sidecar corrects for it.', 'widgets-for-box' ),
	'Mend this machine\'s clock all the same: timedatectl set-ntp true' => __( 'Mend this machine\'s clock all the same: timedatectl set-ntp true', 'widgets-for-box' ),
	'The sidecar goes on with what it had, but would not start again.' => __( 'The sidecar goes on with what it had, but would not start again.', 'widgets-for-box' ),
	'The store is full.' => __( 'The store is full.', 'widgets-for-box' ),
	'Give it more memory, or set its maxmemory-policy to volatile-ttl: what it loses is made anew.' => __( 'Give it more memory, or set its maxmemory-policy to volatile-ttl: what it loses is made anew.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Point SSL_CERT_FILE at a file with your own authority\'s certificate (now: {file}).' => __( 'Point SSL_CERT_FILE at a file with your own authority\'s certificate (now: {file}).', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'{url} can\'t be reached.' => __( '{url} can\'t be reached.', 'widgets-for-box' ),
	'The app may look people up.' => __( 'The app may look people up.', 'widgets-for-box' ),
	'Box narrows tokens to an element\'s scopes.' => __( 'Box narrows tokens to an element\'s scopes.', 'widgets-for-box' ),
	'What runs is what the files say.' => __( 'What runs is what the files say.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The store may forget a log-out and keep the tokens: its maxmemory-policy is {policy}.' => __( 'The store may forget a log-out and keep the tokens: its maxmemory-policy is {policy}.', 'widgets-for-box' ),
	'Set its maxmemory-policy to volatile-ttl.' => __( 'Set its maxmemory-policy to volatile-ttl.', 'widgets-for-box' ),
	'Look at HTTPS_PROXY and NO_PROXY in the sidecar\'s environment.' => __( 'Look at HTTPS_PROXY and NO_PROXY in the sidecar\'s environment.', 'widgets-for-box' ),
	'Mend the file.' => __( 'Mend the file.', 'widgets-for-box' ),
	'What is said to the store can be read on its way, the password included.' => __( 'What is said to the store can be read on its way, the password included.', 'widgets-for-box' ),
	'Use TLS: begin cache.store with rediss://.' => __( 'Use TLS: begin cache.store with rediss://.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The store answers: {server}.' => __( 'The store answers: {server}.', 'widgets-for-box' ),
	'Put the right PIN into the file that pin-source in box.key names; where the token is locked, unlock it with its own tool first. A PIN that was refused is tried again once that file has changed, or by: systemctl reload box-sidecar' => __( 'Put the right PIN into the file that pin-source in box.key names; where the token is locked, unlock it with its own tool first. A PIN that was refused is tried again once that file has changed, or by: systemctl reload box-sidecar', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The private key, of {bits} bits, signs in the token “{token}”; its publicKeyID is {key_id}.' => __( 'The private key, of {bits} bits, signs in the token “{token}”; its publicKeyID is {key_id}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The token “{token}” is not there.' => __( 'The token “{token}” is not there.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The module of the token “{token}” did not answer in time.' => __( 'The module of the token “{token}” did not answer in time.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The module of the token “{token}” broke down.' => __( 'The module of the token “{token}” broke down.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The token “{token}” refuses the PIN.' => __( 'The token “{token}” refuses the PIN.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The PIN of the token “{token}” is locked.' => __( 'The PIN of the token “{token}” is locked.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Another wrong PIN would lock the token “{token}”, so none is tried.' => __( 'Another wrong PIN would lock the token “{token}”, so none is tried.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The token “{token}” failed: {words}.' => __( 'The token “{token}” failed: {words}.', 'widgets-for-box' ),
	'Make one that stays in it: box-sidecar keygen. Its public part goes to Box, the old one goes last.' => __( 'Make one that stays in it: box-sidecar keygen. Its public part goes to Box, the old one goes last.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The token “{token}” would give the private key out (CKA_EXTRACTABLE).' => __( 'The token “{token}” would give the private key out (CKA_EXTRACTABLE).', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The token “{token}” is busy.' => __( 'The token “{token}” is busy.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box issues tokens of {life} s, less than cache.min_life_s.' => __( 'Box issues tokens of {life} s, less than cache.min_life_s.', 'widgets-for-box' ),
	'Set cache.min_life_s lower than the life of Box\'s tokens.' => __( 'Set cache.min_life_s lower than the life of Box\'s tokens.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'There is no folder “{name}” in folder {parent} of this person.' => __( 'There is no folder “{name}” in folder {parent} of this person.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'There are {count} folders “{name}” in folder {parent}.' => __( 'There are {count} folders “{name}” in folder {parent}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The element “{element}” is not in [policy.elements].' => __( 'The element “{element}” is not in [policy.elements].', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'{element} may not have: {scopes}.' => __( '{element} may not have: {scopes}.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Folder {folder} is not in policy.folders.' => __( 'Folder {folder} is not in policy.folders.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The Box role “{role}” is in policy.denied_roles.' => __( 'The Box role “{role}” is in policy.denied_roles.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'The Box account is “{status}”.' => __( 'The Box account is “{status}”.', 'widgets-for-box' ),
	'The file lies in none of policy.folders.' => __( 'The file lies in none of policy.folders.', 'widgets-for-box' ),
	'The login is in policy.denied_logins.' => __( 'The login is in policy.denied_logins.', 'widgets-for-box' ),
	'The login\'s domain is not in policy.login_domains.' => __( 'The login\'s domain is not in policy.login_domains.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'{told} of {all} tokens are revoked; Box is told of the others as soon as it can be.' => __( '{told} of {all} tokens are revoked; Box is told of the others as soon as it can be.', 'widgets-for-box' ),
	'Box has no managed user with exactly this login or id.' => __( 'Box has no managed user with exactly this login or id.', 'widgets-for-box' ),
	/* translators: what is in braces stays as it is. */
	'Box has {count} users that fit.' => __( 'Box has {count} users that fit.', 'widgets-for-box' ),
	'Box\'s record of this person has no id.' => __( 'Box\'s record of this person has no id.', 'widgets-for-box' ),
);
