/**
 * Turns the containers of Widgets for Box into Box UI Elements.
 *
 * A container says what it shows in a signed descriptor, the same for every visitor.
 */
( function() {
	'use strict';

	const { Failure, events, configure, identify, identifyAgain, wasLoggedIn, getToken, refuse, accept, decode, load, loadMessages, showElement } = window.widgetsForBox;

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

	const parts = new Map();

	/** Another part of the loader, for those pages that need it. */
	function part( name ) {
		if ( ! parts.has( name ) ) {
			parts.set( name, import( configuration.part.replace( '{name}', name ) ).then( ( module ) => module.default( page ) ) );
			parts.get( name ).catch( () => parts.delete( name ) );
		}
		return parts.get( name );
	}

	async function start( container ) {
		const widget = widgets.get( container );
		const run = ( widget.run = {} );
		widget.code = null;
		widget.waiting = [];
		for ( const name of [ 'notices', 'presence', 'calls' ] ) {
			part( name ).catch( () => {} );
		}
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
			widget.language = wasLoggedIn();
			if ( widget.language !== configuration.language ) {
				await part( 'language' ).then( ( { speak } ) => speak( container ) ).catch( () => {} );
			}
			const [ token, texts, requests, address, options ] = await Promise.all( [
				identified.then( () => part( 'calls' ).catch( () => {} ) ).then( () => getToken( widget.descriptor ) ),
				loadMessages( configuration ),
				part( 'requests' ),
				widget.element === 'explorer' && part( 'fragment' ).catch( () => null ),
				widget.options && part( 'options' ),
				load( widget.element + '.js', configuration ),
				load( widget.element + '.css', configuration ),
			] );
			widget.id = token.folder || widget.id;
			const more = { ...options?.( widget.options ), ...await address?.opening?.( container ) };
			if ( widget.run === run ) {
				show( container, token, texts, requests, more );
				announcement.textContent = text.ready;
			}
		} catch ( failure ) {
			if ( widget.run === run ) {
				clear( container );
				container.dataset.state = 'failed';
				await explain( container, failure );
			}
		}
		if ( widget.run === run ) {
			container.removeAttribute( 'aria-busy' );
		}
	}

	function show( container, token, texts, requests, more ) {
		const widget = widgets.get( container );
		const { run } = widget;
		clear( container );
		container.dataset.state = 'shown';
		const shown = {
			...widget,
			isCurrent: () => widget.run === run,
			explain: ( failure ) => explain( container, failure ),
			recover: () => recover( container ),
			opens: ( folder ) => {
				widget.folder = folder;
			},
			// Until somebody tries again, or the page does by itself.
			retried: () => new Promise( ( resolve ) => widget.waiting.push( resolve ) ),
			tell: ( event, detail ) => container.dispatchEvent( new CustomEvent( 'widgets-for-box:' + event, { bubbles: true, detail } ) ),
		};
		widget.box = showElement( shown, add( container, 'div', { className: 'widgets-for-box-element' } ), token, configuration, texts, requests, more );
		part( 'repairs' ).then( ( { watch } ) => watch( container ) ).catch( () => {} );
		if ( widget.element === 'explorer' ) {
			part( 'details' ).catch( () => {} );
		}
		if ( widget.element === 'uploader' || token.scopes.includes( 'item_upload' ) ) {
			part( 'uploads' ).catch( () => {} );
		}
	}

	/** What was said is over. */
	function recover( container ) {
		const widget = widgets.get( container );
		if ( widget?.code && widget.code !== 'search' ) {
			widget.code = null;
			container.querySelector( ':scope > .widgets-for-box-failure' )?.remove();
		}
	}

	function clear( container ) {
		const widget = widgets.get( container );
		try {
			widget.box?.hide();
		} catch {
			// What it leaves behind goes with the rest.
		}
		widget.box = null;
		container.replaceChildren();
	}

	/** Says what went wrong and what can be done, above whatever is still shown. */
	async function explain( container, failure ) {
		const widget = widgets.get( container );
		const { run } = widget;
		const said = failure instanceof Failure ? failure : new Failure( 'elements', text.elements );
		widget.code = said.code;
		const { say } = await part( 'notices' );
		if ( widget.run === run && widget.code === said.code ) {
			say( container, said );
		}
	}

	/** Shows everything anew but what is being loaded anyway. */
	function startOver() {
		widgets.forEach( ( widget, container ) => widget.run && container.dataset.state !== 'loading' && start( container ) );
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

	/** Whether a container is seen at its place: then it need not wait for the first painting. */
	function isSeen( container ) {
		const { left, width, top } = container.getBoundingClientRect();
		return container.contains( document.elementFromPoint( left + ( width / 2 ), Math.max( top, 0 ) + 1 ) );
	}

	/** Finds containers, also later ones, and forgets those that are gone. */
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
				if ( container.dataset.load === 'click' || configuration.brake ) {
					part( 'offer' ).then( ( { offer } ) => offer( container ) ).catch( ( failure ) => explain( container, failure ) );
				} else if ( isSeen( container ) ) {
					start( container );
				} else {
					near.observe( container );
				}
			}
		} );
	}

	/** Waits for somebody to look: pages are also opened in the background, or before anybody wants them. */
	function whenSeen( then ) {
		if ( ! document.hidden ) {
			return then();
		}
		document.addEventListener( 'visibilitychange', () => whenSeen( then ), { once: true } );
	}

	/** What other parts work with. */
	const page = { widgets, events, Failure, getToken, refuse, accept, identify, identifyAgain, wasLoggedIn, load, add, start, near, explain, recover, part };

	function begin() {
		// A script element and no other: authors may give any id to what they write.
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
		Object.assign( page, { configuration, text, announcement } );
		events.addEventListener( 'person', startOver );
		whenSeen( () => {
			scan();
			new MutationObserver( scan ).observe( document.body, { childList: true, subtree: true } );
		} );
	}

	if ( document.readyState === 'loading' ) {
		document.addEventListener( 'DOMContentLoaded', begin );
	} else {
		begin();
	}
}() );
