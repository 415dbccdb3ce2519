/**
 * The block as its author would meet it on the page, with their own files.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { apiFetch } = wp;
	const { ComboboxControl, Notice } = wp.components;
	const { createElement: el, Fragment, useEffect, useState } = wp.element;
	const { __, sprintf } = wp.i18n;

	/** Milliseconds without a change before the view is signed anew: ids and sizes are typed. */
	const PAUSE = 600;

	/** A colleague to choose, in whose place the folder is seen. `choose` gets { id, name }, or null. */
	function Person( { person, choose } ) {
		const [ search, setSearch ] = useState( '' );
		const [ people, setPeople ] = useState( [] );
		useEffect( () => {
			let isCurrent = true;
			const timer = setTimeout( () => {
				apiFetch( { path: '/wp/v2/users?context=edit&per_page=20&_fields=id,name,username&search=' + encodeURIComponent( search ) } ).then(
					( found ) => isCurrent && setPeople( found ),
					() => {},
				);
			}, PAUSE );
			return () => {
				isCurrent = false;
				clearTimeout( timer );
			};
		}, [ search ] );
		const known = person && ! people.some( ( { id } ) => id === person.id ) ? [ person, ...people ] : people;
		return el( ComboboxControl, {
			label: __( 'See it in the place of', 'widgets-for-box' ),
			help: __( 'Names alone: nothing can be opened or changed. That you look is recorded.', 'widgets-for-box' ),
			value: person ? String( person.id ) : null,
			// It looks for what is typed in these once more.
			options: known.map( ( { id, name, username } ) => ( { value: String( id ), label: `${ name } (${ username })` } ) ),
			onFilterValueChange: setSearch,
			onChange: ( chosen ) => choose( known.find( ( { id } ) => String( id ) === chosen ) || null ),
			__nextHasNoMarginBottom: true,
			__next40pxDefaultSize: true,
		} );
	}

	/** In a frame: whatever the canvas is, the Element finds what it finds on a page. */
	function LiveView( { element, attributes, isSelected } ) {
		const [ view, setView ] = useState( '' );
		const [ problem, setProblem ] = useState( '' );
		const [ mayChoose, setMayChoose ] = useState( false );
		const [ person, setPerson ] = useState( null );
		const asked = JSON.stringify( attributes );
		useEffect( () => {
			let isCurrent = true;
			const timer = setTimeout( () => {
				apiFetch( { path: '/widgets-for-box/v1/descriptor', method: 'POST', data: { element, attributes: JSON.parse( asked ), person: person?.id || 0 } } ).then(
					( answer ) => {
						if ( isCurrent ) {
							setProblem( '' );
							setView( answer.view );
							setMayChoose( answer.viewAs );
						}
					},
					( error ) => isCurrent && setProblem( error.message ),
				);
			}, view ? PAUSE : 0 );
			return () => {
				isCurrent = false;
				clearTimeout( timer );
			};
			// eslint-disable-next-line react-hooks/exhaustive-deps -- The view is what comes of it.
		}, [ element, asked, person ] );
		/* translators: %s: name of a person. */
		const others = __( 'This is what %s would find here: names alone. That you look is recorded.', 'widgets-for-box' );
		const note = person ? sprintf( others, person.name ) : __( 'These are your own files, and what you do here is done. Visitors see theirs.', 'widgets-for-box' );
		return el(
			Fragment,
			{},
			mayChoose && isSelected && el( 'div', { className: 'widgets-for-box-view-person' }, el( Person, { person, choose: setPerson } ) ),
			el( 'p', { className: 'widgets-for-box-view-note' }, note ),
			problem && el( Notice, { status: 'error', isDismissible: false }, problem ),
			! problem && view && el( 'iframe', {
				className: 'widgets-for-box-view',
				src: view,
				title: person ? person.name : __( 'Your own Box files', 'widgets-for-box' ),
				// The first click chooses the block, as everywhere in the editor.
				style: { pointerEvents: isSelected ? 'auto' : 'none' },
			} ),
		);
	}

	Object.assign( window.widgetsForBoxEditor, { LiveView } );
}( window.wp ) );
