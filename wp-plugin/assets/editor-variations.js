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

	const PERSON = 'M12 12.2a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2zM8.8 17c0-1.8 1.4-3 3.2-3s3.2 1.2 3.2 3';

	/** A folder with rows, an arrow into it, a tick in it, and a page; then those of variations. */
	const icons = {
		explorer: icon( FOLDER, 'M7 11.5h10', 'M7 15.5h7' ),
		uploader: icon( FOLDER, 'M12 17v-6', 'M9.5 13.2 12 10.7l2.5 2.5' ),
		picker: icon( FOLDER, 'M8.5 13.5 11 16l4.5-4.5' ),
		preview: icon( 'M6 3.5h8l4.5 4.5v12.5H6z', 'M14 3.5V8h4.5', 'M9 12.5h6', 'M9 16h6' ),
		'my-files': icon( FOLDER, PERSON ),
		'team-folder': icon( FOLDER, 'M9 12.6a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.8zM15 12.6a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.8z', 'M6.4 17c0-1.5 1.1-2.5 2.6-2.5s2.6 1 2.6 2.5', 'M12.4 17c0-1.5 1.1-2.5 2.6-2.5s2.6 1 2.6 2.5' ),
		'meeting-documents': icon( 'M4 5.5h16v15H4z', 'M4 9.5h16', 'M8 3.5v4', 'M16 3.5v4', 'M8 13h8', 'M8 16.5h5' ),
		'recent-files': icon( 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M12 7.5V12l3 2' ),
		'hand-in': icon( 'M4 13v5.5A1.5 1.5 0 0 0 5.5 20h13a1.5 1.5 0 0 0 1.5-1.5V13', 'M12 15V4', 'M8 8l4-4 4 4' ),
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
			{
				name: 'recent-files',
				title: __( 'Recent files', 'widgets-for-box' ),
				description: __( 'The files that each visitor opened or changed last, wherever they are in Box.', 'widgets-for-box' ),
				attributes: { folder: '0', view: 'recents', can: [ 'preview', 'download' ], height: 400 },
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

	Object.values( variations ).flat().forEach( ( variation ) => {
		variation.icon = icons[ variation.name ];
	} );

	Object.assign( parts, { icons, variations } );
}( window.wp ) );
