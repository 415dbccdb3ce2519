/**
 * Turns the containers of Widgets for Box into Box UI Elements.
 *
 * A container says what it shows in a signed descriptor, the same for every visitor.
 */
( function() {
	'use strict';

	const { Failure, events, configure, identify, identifyAgain, wasLoggedIn, getToken, decode, load, loadMessages, showElement } = window.widgetsForBox;

	// Nothing is left for others to call. A page's own variable can't be deleted.
	window.widgetsForBox = undefined;

	/** How far outside the viewport, in pixels, a widget starts to load. */
	const NEARBY = 400;

	let configuration;
	let text;

	/** What screen readers are told, for all widgets together. */
	let announcement;

	/** Containers that were set up, each with what belongs to it. */
	const widgets = new Map();

	function add( parent, tag, properties ) {
		const node = Object.assign( document.createElement( tag ), properties );
		parent.append( node );
		return node;
	}

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
			const identified = identify();
			if ( ! wasLoggedIn() ) {
				await identified;
			}
			const [ { scopes }, texts ] = await Promise.all( [
				identified.then( () => getToken( widget.descriptor ) ),
				loadMessages( configuration ),
				load( widget.element + '.js', configuration ),
				load( widget.element + '.css', configuration ),
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
		const { run } = widget;
		clear( container );
		container.dataset.state = 'shown';
		const shown = {
			...widget,
			isCurrent: () => widget.run === run,
			explain: ( failure ) => explain( container, failure ),
			recover: () => container.querySelector( ':scope > .widgets-for-box-failure:not([data-code="search"])' )?.remove(),
			tell: ( event, detail ) => container.dispatchEvent( new CustomEvent( 'widgets-for-box:' + event, { bubbles: true, detail } ) ),
		};
		widget.box = showElement( shown, add( container, 'div', { className: 'widgets-for-box-element' } ), scopes, configuration, texts );
	}

	function clear( container ) {
		const widget = widgets.get( container );
		try {
			widget.box?.hide();
		} catch {
			// What it leaves goes with the rest.
		}
		widget.box = null;
		container.replaceChildren();
	}

	function tell( container, message ) {
		const status = container.querySelector( ':scope > .widgets-for-box-status' );
		if ( status ) {
			status.textContent = announcement.textContent = message;
		} else {
			explain( container, new Failure( 'wait', message ) );
		}
	}

	/** Says what went wrong and what can be done, above what is still shown. */
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
		if ( code === 'search' ) {
			container.addEventListener( 'click', () => notice.remove(), { once: true } );
		} else if ( code === 'rest_not_logged_in' ) {
			const logIn = new URL( configuration.logIn, location.href );
			logIn.searchParams.set( 'redirect_to', location.href );
			add( notice, 'a', { className: 'wp-element-button', href: logIn.href, textContent: text.logIn } );
		} else if ( code !== 'wait' ) {
			const button = add( notice, 'button', { className: 'wp-element-button', type: 'button', textContent: text.retry } );
			button.addEventListener( 'click', () => {
				container.tabIndex = -1;
				container.focus( { preventScroll: true } );
				start( container );
			} );
		}
	}

	/** Shows everything anew but what is being loaded anyway. */
	function startOver() {
		widgets.forEach( ( widget, container ) => widget.run && container.dataset.state !== 'loading' && start( container ) );
	}

	function tellThoseWhoWait( { detail: { descriptor, message } } ) {
		widgets.forEach( ( widget, container ) => widget.descriptor === descriptor && widget.run && tell( container, message ) );
	}

	const near = new IntersectionObserver(
		( entries ) => entries.forEach( ( { isIntersecting, target } ) => {
			if ( isIntersecting ) {
				near.unobserve( target );
				start( target );
			}
		} ),
		{ rootMargin: NEARBY + 'px' },
	);

	/** Whether a container is in sight: it need not wait for the first painting. */
	function isSeen( container ) {
		const { left, width, top } = container.getBoundingClientRect();
		return container.contains( document.elementFromPoint( left + ( width / 2 ), Math.max( top, 0 ) + 1 ) );
	}

	/** Finds new containers, forgets those that are gone. */
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
				if ( isSeen( container ) ) {
					start( container );
				} else {
					near.observe( container );
				}
			}
		} );
	}

	function begin() {
		// Authors may give any id to other elements.
		const data = document.querySelector( 'script#widgets-for-box-configuration' );
		if ( ! data ) {
			return;
		}
		// WordPress 6.4 wraps it for XHTML.
		configuration = JSON.parse( data.textContent.replace( /^[^{]+|[^}]+$/g, '' ) );
		text = configuration.text;
		configure( configuration );
		announcement = add( document.body, 'p', { className: 'widgets-for-box-announcement' } );
		announcement.setAttribute( 'role', 'status' );
		events.addEventListener( 'person', startOver );
		events.addEventListener( 'wait', tellThoseWhoWait );
		scan();
		new MutationObserver( scan ).observe( document.body, { childList: true, subtree: true } );
		window.addEventListener( 'pageshow', ( event ) => event.persisted && identifyAgain() );
	}

	if ( document.readyState === 'loading' ) {
		document.addEventListener( 'DOMContentLoaded', begin );
	} else {
		begin();
	}
}() );
