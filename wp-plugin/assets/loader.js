/**
 * Turns the containers of Widgets for Box into Box UI Elements.
 *
 * A container says what it shows in a signed descriptor, the same for every visitor. Who is there is
 * found out here, at run time: a fresh nonce, then a token for that person and this descriptor.
 *
 * @package WidgetsForBox
 */
( function () {
	'use strict';

	/** How long to wait for an answer of the site, in milliseconds. */
	const PATIENCE = 25000;

	/** A token with less life than this, in milliseconds, is renewed before it is used again. */
	const MARGIN = 60000;

	/** For how long, in milliseconds, to come back after each time that the site asks for: it may be busy. */
	const ENDURANCE = 120000;

	/** How far outside the viewport a widget starts to load. */
	const NEARBY = '400px';

	/** For each element its class in window.Box and the events that are passed on to the page. */
	const ELEMENTS = {
		explorer: [ 'ContentExplorer', [ 'select', 'navigate', 'preview', 'download', 'upload', 'create', 'rename', 'delete' ] ],
		uploader: [ 'ContentUploader', [ 'beforeupload', 'upload', 'complete', 'error', 'close' ] ],
		picker: [ 'ContentPicker', [ 'choose', 'cancel' ] ],
		preview: [ 'ContentPreview', [ 'load', 'navigate', 'download', 'error' ] ],
	};

	let configuration;
	let text;

	/** What screen readers are told about loading, for all widgets together. */
	let announcement;

	/** Containers that were set up, each with what belongs to it. */
	const widgets = new Map();

	/* Failures */

	class Failure extends Error {
		constructor( code, message, details = {} ) {
			super( message );
			this.code = code;
			this.details = details;
		}
	}

	/* The site: nonce and tokens */

	let nonce = null;

	/** The last nonce that was good: another one may be another person's. */
	let last = null;

	async function ask( url, options ) {
		const stop = new AbortController();
		const timer = setTimeout( () => stop.abort(), PATIENCE );
		try {
			const response = await fetch( url, { credentials: 'same-origin', cache: 'no-store', signal: stop.signal, ...options } );
			return { response, body: await response.text() };
		} catch {
			throw new Failure( 'site', text.site );
		} finally {
			clearTimeout( timer );
		}
	}

	/** Asks for a nonce of the person who is logged in now, for a descriptor that needs it or for all. */
	function freshNonce( descriptor ) {
		const asked = ask( configuration.nonce ).then( ( { response, body } ) => {
			if ( response.status >= 500 ) {
				throw new Failure( 'broken', text.broken );
			}
			// Without a session it is a 0, or whatever page asks to log in.
			const fresh = body.trim();
			const loggedIn = response.ok && /^\w{2,}$/.test( fresh );
			seen( loggedIn );
			if ( ! loggedIn ) {
				throw new Failure( 'rest_not_logged_in', text.loggedOut );
			}
			if ( last && last !== fresh ) {
				startOver( descriptor );
			}
			last = fresh;
			return fresh;
		} );
		nonce = asked;
		asked.catch( () => {
			nonce = nonce === asked ? null : nonce;
		} );
		return asked;
	}

	/** Whether somebody was logged in the last time, and so probably is again; sets it if given. */
	function seen( loggedIn ) {
		try {
			if ( loggedIn !== undefined ) {
				localStorage.widgetsForBox = loggedIn ? 1 : '';
			}
			return localStorage.widgetsForBox;
		} catch {
			return '';
		}
	}

	/** Tokens by descriptor: widgets with the same descriptor share one, and one request for it. */
	const tokens = new Map();

	/**
	 * Asks the site for a token.
	 *
	 * @param {string}  descriptor Of the widget.
	 * @param {string}  [refused]  A token that Box refused; the site learns its hash alone.
	 * @param {number}  until      When there is no use in waiting any longer.
	 * @param {boolean} again      Whether a nonce that is too old may be replaced.
	 */
	async function requestToken( descriptor, refused, until, again = true ) {
		const { response, body } = await ask( configuration.token, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', 'X-WP-Nonce': await ( nonce || freshNonce() ) },
			body: JSON.stringify( { widget: descriptor, refused: await hash( refused ) } ),
		} );
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
			widgets.forEach( ( widget, container ) => widget.descriptor === descriptor && widget.run && tell( container, answer.message ) );
			// Not all at the same moment.
			await new Promise( ( resolve ) => setTimeout( resolve, wait * ( 1 + Math.random() / 2 ) ) );
			return requestToken( descriptor, refused, until, again );
		}
		throw new Failure( answer.code, answer.message || text.broken, answer.data );
	}

	/** SHA-256 in hexadecimal digits; undefined for nothing, and on pages without https, which lack the means. */
	async function hash( token ) {
		if ( token && window.crypto.subtle ) {
			const bytes = await crypto.subtle.digest( 'SHA-256', new TextEncoder().encode( token ) );
			return Array.from( new Uint8Array( bytes ), ( byte ) => byte.toString( 16 ).padStart( 2, '0' ) ).join( '' );
		}
	}

	/** A token with life left, as { token, scopes, until, unproven }; unproven if it replaces one that Box refused. */
	function getToken( descriptor ) {
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
			( { token, scopes, expires_in: seconds } ) => {
				const life = seconds * 1000;
				return { token, scopes, life, until: Date.now() + life, unproven: Boolean( refused ) };
			},
			( failure ) => {
				// Not if it was forgotten meanwhile: then somebody else is there.
				const kept = tokens.get( descriptor )?.token === known.token;
				if ( left > 0 && kept && failure.code !== 'rest_not_logged_in' ) {
					return known;
				}
				keep( { refused } );
				throw failure;
			}
		);
		// Not if it was forgotten meanwhile: then it may be for the person before.
		const keep = ( entry ) => tokens.get( descriptor )?.pending === pending && tokens.set( descriptor, entry );
		tokens.set( descriptor, { ...known, pending } );
		pending.then( keep, () => {} );
		return pending;
	}

	/**
	 * Forgets a token that Box refused, if it is still the one in use: the next one is asked for in its place.
	 *
	 * @return {boolean} Whether another try is worth it: not with a token that itself came in place of a refused one.
	 */
	function refuse( descriptor, token ) {
		const known = tokens.get( descriptor ) || {};
		if ( known.pending || ! known.token || known.token !== ( token || known.token ) ) {
			return true;
		}
		tokens.set( descriptor, { refused: known.token } );
		return ! known.unproven;
	}

	/* Box UI Elements */

	const files = new Map();

	/** Loads a script or style sheet once; a failed one may be tried again. */
	function load( file ) {
		if ( ! files.has( file ) ) {
			const loaded = new Promise( ( resolve, reject ) => {
				const style = file.endsWith( '.css' );
				const tag = document.createElement( style ? 'link' : 'script' );
				if ( style ) {
					tag.rel = 'stylesheet';
				}
				tag.onload = resolve;
				tag.onerror = () => {
					tag.remove();
					files.delete( file );
					reject( new Failure( 'elements', text.elements ) );
				};
				tag[ style ? 'href' : 'src' ] = elementsUrl( file );
				document.head.append( tag );
			} );
			files.set( file, loaded );
		}
		return files.get( file );
	}

	function elementsUrl( file ) {
		return configuration.elements.replace( '{file}', file );
	}

	let messages = null;

	/** The texts of a self-hosted copy in the page's language; without them it speaks English. */
	function loadMessages() {
		if ( ! messages && configuration.selfHosted ) {
			messages = fetch( elementsUrl( 'messages.json' ) )
				.then( ( response ) => ( response.ok ? response.json() : undefined ) )
				.catch( () => undefined );
		}
		return messages;
	}

	/* Widgets */

	/**
	 * What a descriptor says, as far as it makes sense. Only the site can tell whether it is its own;
	 * authors can write containers, too.
	 */
	function decode( descriptor ) {
		let said;
		try {
			said = JSON.parse( atob( descriptor.split( '.' )[ 0 ].replace( /-/g, '+' ).replace( /_/g, '/' ) ) );
		} catch {
			said = null;
		}
		const { element, id, options } = Object( said );
		const known = typeof element === 'string' && Object.hasOwn( ELEMENTS, element ) && typeof id === 'string';
		return known ? { element, id, options: pickerOptions( Object( options ) ) } : {};
	}

	function pickerOptions( { type, extensions, max } ) {
		return {
			...( typeof type === 'string' && { type } ),
			...( Array.isArray( extensions ) && { extensions: extensions.filter( ( name ) => typeof name === 'string' ) } ),
			...( max > 0 && { maxSelectable: Number( max ) } ),
		};
	}

	function add( parent, tag, properties ) {
		const node = Object.assign( document.createElement( tag ), properties );
		parent.append( node );
		return node;
	}

	/** Loads what a widget needs, side by side, and shows it. */
	async function start( container ) {
		const widget = widgets.get( container );
		const run = ( widget.run = {} );
		clear( container );
		container.dataset.state = 'loading';
		container.setAttribute( 'aria-busy', 'true' );
		add( container, 'p', { className: 'widgets-for-box-status', textContent: text.loading } );
		announcement.textContent = text.loading;
		try {
			if ( ! widget.element ) {
				throw new Failure( 'invalid_widget', text.broken );
			}
			// Who is not logged in has no business with Box, not even with its script host.
			const identified = nonce || freshNonce();
			if ( ! seen() ) {
				await identified;
			}
			const [ { scopes }, texts ] = await Promise.all( [
				identified.then( () => getToken( widget.descriptor ) ),
				loadMessages(),
				load( widget.element + '.js' ),
				load( widget.element + '.css' ),
			] );
			if ( widget.run === run ) {
				show( container, scopes, texts );
				announcement.textContent = text.ready;
			}
		} catch ( failure ) {
			if ( widget.run === run ) {
				clear( container );
				container.dataset.state = 'failed';
				explain( container, failure );
			}
		}
		if ( widget.run === run ) {
			container.removeAttribute( 'aria-busy' );
		}
	}

	function show( container, scopes, texts ) {
		const widget = widgets.get( container );
		const [ name, events ] = ELEMENTS[ widget.element ];
		clear( container );
		container.dataset.state = 'shown';
		const box = new window.Box[ name ]();
		widget.box = box;
		const passOn = ( event ) => ( data ) => {
			container.dispatchEvent( new CustomEvent( 'widgets-for-box:' + event, { bubbles: true, detail: data } ) );
		};
		events.forEach( ( event ) => box.addListener( event, passOn( event ) ) );
		box.show( widget.id, tokenFunction( container ), {
			...configuration.hosts,
			...permissions( scopes ),
			...( widget.element === 'picker' && widget.options ),
			...( texts && { language: configuration.locale, messages: texts } ),
			...( widget.element === 'preview' && {
				hasHeader: true,
				onLoad: passOn( 'load' ),
				onNavigate: passOn( 'navigate' ),
				onDownload: passOn( 'download' ),
				onError: passOn( 'error' ),
			} ),
			container: add( container, 'div', { className: 'widgets-for-box-element' } ),
			logoUrl: 'box',
			requestInterceptor: ( request ) => intercept( container, request ),
			responseInterceptor: ( response ) => watch( container, response ),
		} );
	}

	/** Buttons by the scopes that were granted: a button without its scope would only fail. */
	function permissions( scopes ) {
		const has = ( scope ) => scopes.includes( 'item_' + scope );
		return {
			canPreview: has( 'preview' ),
			canDownload: has( 'download' ),
			canUpload: has( 'upload' ),
			canCreateNewFolder: has( 'upload' ),
			canRename: has( 'rename' ),
			canDelete: has( 'delete' ),
			canShare: has( 'share' ),
			// The picker makes a shared link of whatever is merely selected, unless told otherwise.
			canSetShareAccess: has( 'share' ),
			showAnnotations: scopes.some( ( scope ) => scope.startsWith( 'annotation_' ) ),
		};
	}

	/**
	 * What the Elements call before every request; given a list they only announce it. An Element that
	 * was taken away gets no more tokens: they may be for another person than its requests.
	 */
	function tokenFunction( container ) {
		const widget = widgets.get( container );
		const { descriptor, run } = widget;
		return async ( ids ) => {
			try {
				const { token } = await getToken( descriptor );
				if ( widget.run !== run ) {
					throw new Failure( 'gone', text.refused );
				}
				return Array.isArray( ids ) ? null : token;
			} catch ( failure ) {
				if ( widget.run === run ) {
					explain( container, failure );
				}
				throw failure;
			}
		};
	}

	/** Sees every request of an Element to Box, to help it where Box refuses, before the Element gives up. */
	function intercept( container, request ) {
		const { adapter } = request;
		if ( typeof adapter === 'function' && ! adapter.helped ) {
			const getFresh = tokenFunction( container );
			request.adapter = ( asked ) => adapter( asked ).catch( ( failure ) => help( container, asked, adapter, getFresh, failure ) );
			request.adapter.helped = true;
		}
		return request;
	}

	/** Sends a request again with another token, or leaves a search that is not allowed. */
	async function help( container, request, adapter, getFresh, failure, again = true ) {
		const { box, descriptor, id } = widgets.get( container ) || {};
		const status = box && failure.response?.status;
		if ( status === 401 ) {
			if ( ! refuse( descriptor, bearer( request ) ) ) {
				explain( container, new Failure( 'refused', text.refused ) );
			} else if ( again ) {
				const token = await getFresh().catch( () => null );
				if ( token ) {
					request.headers.Authorization = 'Bearer ' + token;
					return adapter( request ).catch( ( another ) => help( container, request, adapter, getFresh, another, false ) );
				}
			}
		}
		const browser = box?.getComponent?.();
		if ( status === 403 && browser?.fetchFolder && /\/2\.0\/search\b/.test( request.url ) ) {
			// Box may not let a narrow token search at all. Then nobody is offered to, for as long as the page is open.
			document.body.classList.add( 'widgets-for-box-no-search' );
			const notice = explain( container, new Failure( 'search', text.search ) );
			container.addEventListener( 'click', () => notice.remove(), { once: true } );
			browser.fetchFolder( request.params?.ancestor_folder_ids || id );
			return new Promise( () => {} );
		}
		throw failure;
	}

	function bearer( request ) {
		return request?.headers?.Authorization?.slice( 'Bearer '.length );
	}

	/** Sees every answer of Box to an Element, and what came instead of one. */
	function watch( container, answer ) {
		const { box, descriptor } = widgets.get( container ) || {};
		const { config } = answer;
		const status = answer.status || answer.response?.status;
		if ( box && status === 401 && ! config?.adapter?.helped ) {
			// An Element that could not be helped in time: its next request gets another token, and a folder is opened anew.
			const folder = /\/folders\/(\d+)/.exec( config?.url )?.[ 1 ];
			if ( ! refuse( descriptor, bearer( config ) ) ) {
				explain( container, new Failure( 'refused', text.refused ) );
			} else if ( folder ) {
				tokenFunction( container )().then( () => box.navigateTo?.( folder ), () => {} );
			}
		} else if ( answer.isAxiosError && ! answer.response ) {
			explain( container, new Failure( 'box', text.box.replace( '%s', location.origin ) ) );
		} else if ( status < 400 ) {
			const known = tokens.get( descriptor );
			if ( known && known.token === ( bearer( config ) || known.token ) ) {
				known.unproven = false;
			}
			container.querySelector( ':scope > .widgets-for-box-failure:not([data-code="search"])' )?.remove();
		}
		return answer;
	}

	/** Says why it takes longer. */
	function tell( container, message ) {
		const status = container.querySelector( ':scope > .widgets-for-box-status' );
		if ( status ) {
			status.textContent = announcement.textContent = message;
		} else {
			explain( container, new Failure( 'wait', message ) );
		}
	}

	/** Says what went wrong and what can be done, above whatever is still shown. */
	function explain( container, failure ) {
		const { code, message, details } = failure instanceof Failure ? failure : new Failure( 'elements', text.elements );
		container.querySelector( ':scope > .widgets-for-box-failure' )?.remove();
		const notice = document.createElement( 'div' );
		notice.className = 'widgets-for-box-failure';
		notice.dataset.code = code;
		container.prepend( notice );
		notice.setAttribute( 'role', 'alert' );
		add( notice, 'p', { textContent: message || text.broken } );
		if ( details?.fix ) {
			add( notice, 'p', { className: 'widgets-for-box-fix', textContent: text.fix + ' ' + details.fix } );
		}
		if ( details?.profile ) {
			add( notice, 'a', { className: 'wp-element-button', href: details.profile, textContent: text.profile } );
		}
		if ( code === 'rest_not_logged_in' ) {
			const logIn = new URL( configuration.logIn, location.href );
			logIn.searchParams.set( 'redirect_to', location.href );
			add( notice, 'a', { className: 'wp-element-button', href: logIn.href, textContent: text.logIn } );
		} else if ( code !== 'search' && code !== 'wait' ) {
			const button = add( notice, 'button', { className: 'wp-element-button', type: 'button', textContent: text.retry } );
			button.addEventListener( 'click', () => {
				container.tabIndex = -1;
				container.focus( { preventScroll: true } );
				start( container );
			} );
		}
		return notice;
	}

	function clear( container ) {
		const widget = widgets.get( container );
		try {
			widget.box?.hide();
		} catch {
			// What Box's script leaves behind goes with the rest.
		}
		widget.box = null;
		container.replaceChildren();
	}

	/** Shows everything anew, for whoever is logged in now, but for what is being loaded anyway. */
	function startOver( descriptor ) {
		const pending = tokens.get( descriptor )?.pending;
		tokens.clear();
		if ( pending ) {
			tokens.set( descriptor, { pending } );
		}
		widgets.forEach( ( widget, container ) => widget.run && container.dataset.state !== 'loading' && start( container ) );
	}

	/* The page */

	const near = new IntersectionObserver(
		( entries ) => entries.forEach( ( { isIntersecting, target } ) => {
			if ( isIntersecting ) {
				near.unobserve( target );
				start( target );
			}
		} ),
		{ rootMargin: NEARBY }
	);

	/** Finds containers, also those that a script added later, and forgets those that are gone. */
	function scan() {
		widgets.forEach( ( widget, container ) => {
			if ( ! container.isConnected ) {
				near.unobserve( container );
				widget.run = null;
				clear( container );
				widgets.delete( container );
			}
		} );
		document.querySelectorAll( '.widgets-for-box[data-widget]' ).forEach( ( container ) => {
			if ( ! widgets.has( container ) ) {
				const descriptor = container.dataset.widget;
				widgets.set( container, { ...decode( descriptor ), descriptor } );
				near.observe( container );
			}
		} );
	}

	/** A page that comes back from the browser's memory may have been another person's. */
	function recheck() {
		freshNonce().catch( () => startOver() );
	}

	function begin() {
		// A script element and no other: authors may give any id to what they write.
		const data = document.querySelector( 'script#widgets-for-box-configuration' );
		if ( ! data ) {
			return;
		}
		configuration = JSON.parse( data.textContent );
		text = configuration.text;
		announcement = add( document.body, 'p', { className: 'widgets-for-box-announcement' } );
		announcement.setAttribute( 'role', 'status' );
		scan();
		new MutationObserver( scan ).observe( document.body, { childList: true, subtree: true } );
		window.addEventListener( 'pageshow', ( event ) => event.persisted && recheck() );
	}

	if ( document.readyState === 'loading' ) {
		document.addEventListener( 'DOMContentLoaded', begin );
	} else {
		begin();
	}
} )();
