/**
 * The block as its author would meet it on the page, with their own files.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { apiFetch } = wp;
	const { Notice } = wp.components;
	const { createElement: el, Fragment, useEffect, useState } = wp.element;
	const { __ } = wp.i18n;

	/** Milliseconds without a change before the view is signed anew: ids and sizes are typed. */
	const PAUSE = 600;

	/** In a frame: whatever the canvas is, the Element finds what it finds on a page. */
	function LiveView( { element, attributes, isSelected } ) {
		const [ view, setView ] = useState( '' );
		const [ problem, setProblem ] = useState( '' );
		const asked = JSON.stringify( attributes );
		useEffect( () => {
			let isCurrent = true;
			const timer = setTimeout( () => {
				apiFetch( { path: '/widgets-for-box/v1/descriptor', method: 'POST', data: { element, attributes: JSON.parse( asked ) } } ).then(
					( answer ) => {
						if ( isCurrent ) {
							setProblem( '' );
							setView( answer.view );
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
		}, [ element, asked ] );
		return el(
			Fragment,
			{},
			el( 'p', { className: 'widgets-for-box-view-note' }, __( 'These are your own files, and what you do here is done. Visitors see theirs.', 'widgets-for-box' ) ),
			problem && el( Notice, { status: 'error', isDismissible: false }, problem ),
			! problem && view && el( 'iframe', {
				className: 'widgets-for-box-view',
				src: view,
				title: __( 'Your own Box files', 'widgets-for-box' ),
				// The first click chooses the block, as everywhere in the editor.
				style: { pointerEvents: isSelected ? 'auto' : 'none' },
			} ),
		);
	}

	Object.assign( window.widgetsForBoxEditor, { LiveView } );
}( window.wp ) );
