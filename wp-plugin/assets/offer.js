/**
 * A widget that does not load by itself: until somebody asks for it, it costs no call to Box.
 */

/** Widgets whose own names say what a button does. */
const ACTIONS = [ 'uploader', 'picker' ];

export default ( { widgets, configuration, text, wasLoggedIn, add, start, near, part } ) => {
	/** What the button says. */
	function words( container ) {
		const { element } = widgets.get( container );
		const label = container.getAttribute( 'aria-label' );
		if ( ! ( 'titled' in container.dataset ) && element !== 'preview' ) {
			return ( ACTIONS.includes( element ) && label ) || text.show;
		}
		return text.showOne.replace( '%s', () => label );
	}

	/** Puts a button in the place of a widget. */
	async function offer( container ) {
		// A page from a cache may still tell of a month that is over.
		const braked = configuration.brake === new Date().toISOString().slice( 0, 7 );
		if ( container.dataset.load !== 'click' && ! braked ) {
			return near.observe( container );
		}
		container.replaceChildren();
		container.dataset.state = 'collapsed';
		// As remembered: nobody is asked who is there, either.
		const widget = widgets.get( container );
		widget.language = wasLoggedIn();
		if ( widget.language?.includes( '/' ) && widget.language !== configuration.language ) {
			await part( 'language' ).then( ( { speak } ) => speak( container ) ).catch( () => {} );
		}
		if ( container.dataset.state !== 'collapsed' || ! container.isConnected ) {
			return;
		}
		const button = add( container, 'button', { className: configuration.button, type: 'button', textContent: words( container ) } );
		button.addEventListener( 'click', () => {
			// What is being loaded takes the button away.
			container.tabIndex = -1;
			container.focus( { preventScroll: true } );
			start( container );
		} );
	}

	return { offer };
};
