/**
 * What is said when something went wrong, and what can be done about it.
 */

/** What the whole page is told in one place. */
const ONCE = [ 'offline', 'rest_not_logged_in' ];

/** Where the person's connection may be the reason. */
const CONNECTION = [ 'site', 'box', 'elements' ];

/** Milliseconds of loading after which it is said what is being waited for. */
const PATIENCE = 2000;

/** Milliseconds after which it is said that the site takes longer than usual. */
const SITE_PATIENCE = 8000;

export default ( { widgets, events, configuration, text, announcement, Failure, getToken, add, start, explain, recover, part } ) => {
	/** Tries again, and goes on where it was: nothing that is shown, typed or queued is thrown away. */
	async function resume( container ) {
		const widget = widgets.get( container );
		if ( ! widget.box ) {
			return start( container );
		}
		const { box, run } = widget;
		try {
			await getToken( widget.descriptor );
		} catch ( failure ) {
			return widget.run === run && explain( container, failure );
		}
		if ( widget.run === run ) {
			recover( container );
			if ( widget.waiting.length ) {
				// The Element goes on with what it was about to do.
				return widget.waiting.splice( 0 ).forEach( ( goOn ) => goOn() );
			}
			const folder = widget.folder || widget.id;
			const component = box.getComponent?.();
			if ( box.navigateTo ) {
				box.navigateTo( folder );
			} else {
				component?.fetchFolder?.( folder );
			}
			component?.clickAllWithStatus?.( 'error' );
		}
	}

	/** A token takes longer. */
	function tell( container, message ) {
		const status = container.querySelector( ':scope > .widgets-for-box-status' );
		if ( status ) {
			status.textContent = message;
			if ( announcement.textContent !== message ) {
				announcement.textContent = message;
			}
		} else {
			explain( container, new Failure( 'wait', message ) );
		}
	}

	events.addEventListener( 'wait', ( { detail: { descriptor, message } } ) => {
		widgets.forEach( ( widget, container ) => widget.descriptor === descriptor && widget.run && tell( container, message ) );
	} );

	// Where a widget is shown already, nothing else would tell that it waits.
	events.addEventListener( 'pending', ( { detail: { descriptor, pending } } ) => {
		const slow = setTimeout( () => widgets.forEach( ( widget, container ) => (
			widget.descriptor === descriptor && widget.box && ! widget.code && explain( container, new Failure( 'wait', text.slow ) )
		) ), SITE_PATIENCE );
		const settle = ( done ) => {
			clearTimeout( slow );
			widgets.forEach( ( widget, container ) => done && widget.descriptor === descriptor && widget.code === 'wait' && recover( container ) );
		};
		pending.then( () => settle( true ), () => settle( false ) );
	} );

	/** Has it said what a widget waits for that is not there soon. */
	function watch( container ) {
		const widget = widgets.get( container );
		if ( widget && container.dataset.state === 'loading' ) {
			const { run } = widget;
			run.began ??= performance.now();
			const isWaiting = () => widget.run === run && container.dataset.state === 'loading';
			setTimeout( () => isWaiting() && part( 'progress' ).then( ( { follow } ) => isWaiting() && follow( container, SITE_PATIENCE ), () => {} ), PATIENCE );
		}
	}
	widgets.forEach( ( widget, container ) => watch( container ) );
	new MutationObserver( ( changes ) => changes.forEach( ( { target } ) => watch( target ) ) )
		.observe( document.body, { subtree: true, attributes: true, attributeFilter: [ 'data-state' ] } );

	function say( container, failure ) {
		const widget = widgets.get( container );
		const offline = ! navigator.onLine && CONNECTION.includes( failure.code );
		const { code, message, details } = offline ? new Failure( 'offline', text.offline ) : failure;
		container.querySelector( ':scope > .widgets-for-box-failure' )?.remove();
		widget.code = code;
		const elsewhere = ONCE.includes( code ) && document.querySelector( `.widgets-for-box-failure[data-code="${ code }"]:not([data-quiet])` );
		if ( elsewhere && container.dataset.state === 'shown' ) {
			return;
		}
		const notice = document.createElement( 'div' );
		notice.className = 'widgets-for-box-failure';
		notice.dataset.code = code;
		container.prepend( notice );
		notice.setAttribute( 'role', elsewhere ? 'note' : 'alert' );
		add( notice, 'p', { textContent: message || text.broken } );
		if ( elsewhere ) {
			notice.dataset.quiet = '';
			return;
		}
		if ( details?.fix ) {
			add( notice, 'p', { className: 'widgets-for-box-fix', textContent: text.fix + ' ' + details.fix } );
		}
		for ( const link of [ 'profile', 'contact' ] ) {
			if ( details?.[ link ] ) {
				add( notice, 'a', { className: configuration.button, href: details[ link ], textContent: details[ link + '_text' ] || text[ link ] } );
			}
		}
		if ( code === 'search' ) {
			// Box may not let a narrow token search at all: then nobody is offered to.
			document.body.classList.add( 'widgets-for-box-no-search' );
			container.addEventListener( 'click', () => notice.remove(), { once: true } );
		} else if ( code === 'rest_not_logged_in' ) {
			const logIn = new URL( configuration.logIn, location.href );
			logIn.searchParams.set( 'redirect_to', location.href );
			add( notice, 'a', { className: configuration.button, href: logIn.href, textContent: text.logIn } );
		} else if ( code !== 'wait' && code !== 'offline' && ! details?.final ) {
			const button = add( notice, 'button', { className: configuration.button, type: 'button', textContent: text.retry } );
			button.addEventListener( 'click', () => {
				container.tabIndex = -1;
				container.focus( { preventScroll: true } );
				resume( container );
			} );
		}
	}
	return { say, resume };
};
