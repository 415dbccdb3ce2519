/**
 * A widget that does not load by itself: until somebody asks for it, it costs no call to Box.
 */
export default ( { configuration, text, add, start } ) => {
	/** Puts a button in the place of a widget. */
	function offer( container ) {
		// A page from a cache may still tell of a month that is over.
		const braked = configuration.brake === new Date().toISOString().slice( 0, 7 );
		if ( container.dataset.load !== 'click' && ! braked ) {
			return start( container );
		}
		const label = container.classList.contains( 'widgets-for-box-explorer' ) ? '' : container.getAttribute( 'aria-label' );
		container.replaceChildren();
		container.dataset.state = 'collapsed';
		const button = add( container, 'button', { className: configuration.button, type: 'button', textContent: label || text.show } );
		button.addEventListener( 'click', () => {
			// What is being loaded takes the button away.
			container.tabIndex = -1;
			container.focus( { preventScroll: true } );
			start( container );
		} );
	}

	return { offer };
};
