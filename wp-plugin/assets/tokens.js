/**
 * Who is there, and the tokens of that person.
 *
 * Nothing here knows what is shown; whoever shows it listens to `events`.
 */
( function() {
	'use strict';

	/** Milliseconds to wait for an answer of the site. */
	const PATIENCE = 25000;

	/** A token with less life, in milliseconds, is renewed before it is used again. */
	const MARGIN = 60000;

	/** Milliseconds for which to come back while the site is busy. */
	const ENDURANCE = 120000;

	/** `person`: somebody else may be there. `pending`: a token is asked for. `ask`: what the site is asked. `wait`: it takes longer. `token`: there is a new one. */
	const events = new EventTarget();

	let configuration;
	let text;

	class Failure extends Error {
		constructor( code, message, details = {} ) {
			super( message );
			this.code = code;
			this.details = details;
		}
	}

	function configure( given ) {
		configuration = given;
		text = given.text;
	}

	let nonce = null;

	/** The last good nonce: another one may be another person's. Empty once nobody is logged in any more. */
	let last = null;

	/** Whether it is not known who is there: then there are no tokens. */
	let doubt = false;

	async function ask( url, options ) {
		const stop = new AbortController();
		let timer;
		try {
			timer = setTimeout( () => stop.abort(), PATIENCE );
			const response = await fetch( url, { credentials: 'same-origin', cache: 'no-store', signal: stop.signal, ...options } );
			return { response, body: await response.text() };
		} catch {
			throw new Failure( 'site', text.site );
		} finally {
			clearTimeout( timer );
		}
	}

	/** Asks for a nonce of whoever is logged in now, for a descriptor that needs it or for all. */
	function freshNonce( descriptor ) {
		const asked = ask( configuration.nonce ).then( async ( { response, body } ) => {
			if ( response.status >= 500 ) {
				throw new Failure( 'broken', text.broken );
			}
			// Without a session it is a 0, or whatever page asks to log in.
			const fresh = body.trim();
			const loggedIn = response.ok && /^\w{2,}$/.test( fresh );
			wasLoggedIn( loggedIn && ( response.headers.get( 'Box-Language' ) || 1 ) );
			const before = last;
			if ( ! loggedIn ) {
				last = '';
				if ( before ) {
					forgetAll();
				}
				throw new Failure( 'rest_not_logged_in', text.loggedOut );
			}
			const same = before === null || before === fresh || ( before && await isGood( before ) );
			last = fresh;
			doubt = false;
			if ( ! same ) {
				forgetAll( descriptor );
			}
			return fresh;
		} );
		nonce = asked;
		asked.catch( () => {
			nonce = nonce === asked ? null : nonce;
		} );
		return asked;
	}

	/** Whether a nonce is of who is logged in now: twice a day the same person gets another one. */
	async function isGood( known ) {
		return ( await ask( configuration.token, { method: 'OPTIONS', headers: { 'X-WP-Nonce': known } } ) ).response.ok;
	}

	function identify() {
		return nonce || freshNonce();
	}

	/** Whoever looks at a page again may be somebody else. */
	function identifyAgain() {
		doubt = true;
		return freshNonce();
	}

	/** Who was logged in the last time, as their language or 1; sets it if given. */
	function wasLoggedIn( said ) {
		try {
			if ( said !== undefined ) {
				localStorage.widgetsForBox = said || '';
			}
			return localStorage.widgetsForBox;
		} catch {
			return '';
		}
	}

	/** Tokens by descriptor: widgets with the same one share it, and one request for it. */
	const tokens = new Map();

	/** Asks the site for a token, in place of one that Box refused, of which the site learns the hash alone. */
	async function requestToken( descriptor, refused, until, again = true ) {
		const headers = { 'Content-Type': 'application/json', 'X-WP-Nonce': await identify() };
		const asked = { widget: descriptor, refused: await hash( refused ) };
		events.dispatchEvent( new CustomEvent( 'ask', { detail: asked } ) );
		const answered = ask( configuration.token, { method: 'POST', headers, body: JSON.stringify( asked ) } );
		asked.follow?.( answered );
		const { response, body } = await answered;
		let answer;
		try {
			answer = JSON.parse( body );
		} catch {
			throw new Failure( 'broken', text.broken );
		}
		if ( response.ok && answer.token ) {
			const renewed = response.headers.get( 'X-WP-Nonce' );
			if ( renewed ) {
				last = renewed;
				doubt = false;
				nonce = Promise.resolve( renewed );
			}
			return answer;
		}
		const stale = answer.code === 'rest_cookie_invalid_nonce' || response.status === 401;
		if ( stale && again ) {
			// The nonce is too old, or someone else is logged in by now.
			await freshNonce( descriptor );
			return requestToken( descriptor, refused, until, false );
		}
		if ( stale ) {
			throw new Failure( 'rest_not_logged_in', text.loggedOut );
		}
		const wait = 1000 * response.headers.get( 'Retry-After' );
		if ( wait && Date.now() + wait < until ) {
			events.dispatchEvent( new CustomEvent( 'wait', { detail: { descriptor, message: answer.message } } ) );
			// Not all at the same moment.
			await new Promise( ( resolve ) => setTimeout( resolve, wait * ( 1 + ( Math.random() / 2 ) ) ) );
			return requestToken( descriptor, refused, until, again );
		}
		throw new Failure( answer.code, answer.message || text.broken, answer.data );
	}

	/** SHA-256 in hexadecimal digits; undefined for nothing and without https. */
	async function hash( token ) {
		if ( token && window.crypto.subtle ) {
			const bytes = await crypto.subtle.digest( 'SHA-256', new TextEncoder().encode( token ) );
			return Array.from( new Uint8Array( bytes ), ( byte ) => byte.toString( 16 ).padStart( 2, '0' ) ).join( '' );
		}
	}

	/** A token with life left, as { token, scopes, folder, until, unproven }; unproven if it replaces one that Box refused. */
	function getToken( descriptor ) {
		if ( doubt ) {
			return identify().then( () => getToken( descriptor ) );
		}
		const known = tokens.get( descriptor ) || {};
		if ( known.pending ) {
			return known.pending;
		}
		const left = known.until - Date.now();
		if ( left > Math.min( MARGIN, known.life / 2 ) ) {
			return Promise.resolve( known );
		}
		const { refused } = known;
		const patience = left > 0 ? 0 : ENDURANCE;
		const pending = requestToken( descriptor, refused, Date.now() + patience ).then(
			( { token, scopes, manages, folder, expires_in: seconds } ) => {
				const life = seconds * 1000;
				return { token, scopes, manages, folder, life, until: Date.now() + life, unproven: Boolean( refused ) };
			},
			( failure ) => {
				// Not if it was forgotten meanwhile: somebody else may be there.
				const kept = tokens.get( descriptor )?.token === known.token;
				if ( left > 0 && kept && failure.code !== 'rest_not_logged_in' ) {
					return known;
				}
				keep( { refused } );
				throw failure;
			},
		);
		// Not if it was forgotten meanwhile.
		const keep = ( entry ) => tokens.get( descriptor )?.pending === pending && tokens.set( descriptor, entry );
		tokens.set( descriptor, { ...known, pending } );
		events.dispatchEvent( new CustomEvent( 'pending', { detail: { descriptor, pending } } ) );
		pending.then( ( entry ) => keep( entry ) && events.dispatchEvent( new Event( 'token' ) ), () => {} );
		return pending;
	}

	/** Forgets a token that Box refused; whether another try is worth it: not if it came in place of a refused one. */
	function refuse( descriptor, token ) {
		const known = tokens.get( descriptor ) || {};
		if ( known.pending || ! known.token || known.token !== ( token || known.token ) ) {
			return true;
		}
		tokens.set( descriptor, { refused: known.token } );
		return ! known.unproven;
	}

	/** Notes that Box took a token. */
	function accept( descriptor, token ) {
		const known = tokens.get( descriptor );
		if ( known && known.token === ( token || known.token ) ) {
			known.unproven = false;
		}
	}

	/** Forgets all tokens, but for one that is being asked for anyway. */
	function forgetAll( descriptor ) {
		const pending = tokens.get( descriptor )?.pending;
		tokens.clear();
		if ( pending ) {
			tokens.set( descriptor, { pending } );
		}
		events.dispatchEvent( new Event( 'person' ) );
	}

	window.widgetsForBox = { Failure, events, configure, identify, identifyAgain, wasLoggedIn, getToken, refuse, accept };
}() );
