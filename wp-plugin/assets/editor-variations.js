/**
 * How the blocks look in the inserter, and what they are most often placed for.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { createElement: el } = wp.element;
	const { __ } = wp.i18n;
	const parts = window.widgetsForBoxEditor;

	const FOLDER = 'M3 6.5A1.5 1.5 0 0 1 4.5 5h4.6l2 2.5h8.4A1.5 1.5 0 0 1 21 9v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18z';

	function icon( ...paths ) {
		const stroke = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.5, strokeLinecap: 'round', strokeLinejoin: 'round' };
		return el( 'svg', { viewBox: '0 0 24 24', width: 24, height: 24, 'aria-hidden': true, focusable: false }, ...paths.map( ( d ) => el( 'path', { d, key: d, ...stroke } ) ) );
	}

	/** A folder with rows, an arrow into it, a tick in it, and a page. */
	const icons = {
		explorer: icon( FOLDER, 'M7 11.5h10', 'M7 15.5h7' ),
		uploader: icon( FOLDER, 'M12 17v-6', 'M9.5 13.2 12 10.7l2.5 2.5' ),
		picker: icon( FOLDER, 'M8.5 13.5 11 16l4.5-4.5' ),
		preview: icon( 'M6 3.5h8l4.5 4.5v12.5H6z', 'M14 3.5V8h4.5', 'M9 12.5h6', 'M9 16h6' ),
	};

	const variations = {
		explorer: [
			{
				name: 'my-files',
				title: __( 'My files', 'widgets-for-box' ),
				description: __( 'Everyone sees their own Box files, and may preview, download and upload.', 'widgets-for-box' ),
				attributes: { folder: '0', can: [ 'preview', 'download', 'upload' ] },
			},
			{
				name: 'team-folder',
				title: __( 'Team folder', 'widgets-for-box' ),
				description: __( 'One folder, for those who may open it in Box, to work in together. Choose it after inserting.', 'widgets-for-box' ),
				attributes: { folder: '', can: [ 'preview', 'download', 'upload', 'rename' ] },
			},
			{
				name: 'meeting-documents',
				title: __( 'Meeting documents', 'widgets-for-box' ),
				description: __( 'One folder to read from: nobody can change anything here. Choose it after inserting.', 'widgets-for-box' ),
				attributes: { folder: '', can: [ 'preview', 'download' ], height: 400 },
			},
		],
		uploader: [
			{
				name: 'hand-in',
				title: __( 'Hand in a file', 'widgets-for-box' ),
				description: __( 'People upload into one folder. Choose it after inserting.', 'widgets-for-box' ),
				attributes: { folder: '' },
			},
		],
	};

	Object.assign( parts, { icons, variations } );
}( window.wp ) );
