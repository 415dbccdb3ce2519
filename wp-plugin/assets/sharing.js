/**
 * Before a link is made: what it does, and whether that is wanted.
 *
 * The Elements make a link as soon as “Share” is clicked; a picker that may share, as soon as something is selected.
 */
export default ( { widgets, events, configuration, text, add } ) => {
	/** Who has agreed is not asked again in this page. */
	let agreed = false;

	events.addEventListener( 'person', () => {
		agreed = false;
	} );

	/** The item's name, as the Element has it; its id where it does not say. */
	function nameOf( { box }, { url } ) {
		const [ , id ] = /\/(\d+)$/.exec( url ) || [];
		const { selected } = Object( box.getComponent?.()?.state );
		return [ selected, ...Object.values( Object( selected ) ) ].find( ( item ) => item?.id === id )?.name || id;
	}

	/** The focus to the item that it was about: the menu, where it was, has gone. */
	function goBack( container, name ) {
		const isAbout = ( row ) => [ ...row.querySelectorAll( '*' ) ].some( ( { textContent } ) => textContent === name );
		const row = [ ...container.querySelectorAll( '[role="row"]' ) ].find( isAbout );
		[ ...( row?.querySelectorAll( 'button' ) || [] ) ].pop()?.focus();
	}

	/** Whether the link shall be made. Where the widget goes meanwhile, there is no answer. */
	return ( link, request ) => new Promise( ( resolve ) => {
		const [ container ] = [ ...widgets ].find( ( [ , { box } ] ) => box && box === link.box ) || [];
		if ( agreed || ! container ) {
			return resolve( agreed && Boolean( container ) );
		}
		const dialog = add( container, 'dialog', { className: 'widgets-for-box-sharing' } );
		const name = nameOf( link, request );
		const sentence = add( dialog, 'p', { className: 'widgets-for-box-sharing-sentence', textContent: text.sharing.replace( '%s', () => name ) } );
		dialog.setAttribute( 'aria-label', text.makeLink );
		// A screen reader says the sentence with the dialog's name.
		sentence.id = 'widgets-for-box-sharing';
		dialog.setAttribute( 'aria-describedby', sentence.id );
		const button = ( textContent, answer ) => add( dialog, 'button', { type: 'button', className: configuration.button + ' widgets-for-box-sharing-' + answer, textContent } )
			.addEventListener( 'click', () => dialog.close( answer ) );
		button( text.makeLink, 'yes' );
		button( text.cancel, 'no' );
		dialog.addEventListener( 'close', () => {
			const isWanted = dialog.returnValue === 'yes';
			agreed = agreed || isWanted;
			dialog.remove();
			if ( ! isWanted && container.ownerDocument.activeElement === document.body ) {
				goBack( container, name );
			}
			resolve( isWanted );
		} );
		dialog.showModal();
	} );
};
