/**
 * What the blocks look like, drawn: the inserter and patterns show pictures, and ask Box for nothing.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { useBlockProps } = wp.blockEditor;
	const { useSelect } = wp.data;
	const { createElement: el } = wp.element;
	const parts = window.widgetsForBoxEditor;

	const BLUE = '#0061d5';
	const PALE = '#e8eaed';
	const GREY = '#909090';

	const box = ( x, y, width, height, more ) => el( 'rect', { key: `${ x }/${ y }/${ width }`, x, y, width, height, rx: 3, fill: PALE, ...more } );
	const line = ( d, more ) => el( 'path', { key: d, d, fill: 'none', stroke: GREY, strokeWidth: 2, strokeLinecap: 'round', strokeLinejoin: 'round', ...more } );
	const folder = ( x, y ) => line( `M${ x } ${ y + 3 }h7l3 3h12v13h-22z`, { fill: '#ffd54a', stroke: '#e0b000' } );
	const page = ( x, y ) => line( `M${ x + 3 } ${ y }h11l5 5v16h-16z`, { fill: '#fff', stroke: BLUE } );

	/** A list as explorer and picker have it: folders before files. */
	function rows( mark ) {
		return [ 0, 1, 2, 3 ].flatMap( ( number ) => {
			const y = 78 + ( number * 38 );
			const name = box( 62, y + 5, [ 110, 84, 140, 96 ][ number ], 10, { fill: GREY } );
			return [ number < 2 ? folder( 24, y ) : page( 24, y - 1 ), name, mark( y, number ), box( 16, y + 28, 368, 1 ) ];
		} );
	}

	const drawings = {
		explorer: () => [
			box( 16, 16, 44, 20, { fill: BLUE } ),
			box( 76, 14, 220, 24, { rx: 12 } ),
			box( 16, 52, 70, 8 ),
			...rows( ( y, number ) => box( 280, y + 5, [ 60, 72, 52, 64 ][ number ], 10 ) ),
		],
		uploader: () => [
			box( 24, 20, 352, 170, { fill: '#fff', stroke: GREY, strokeWidth: 2, strokeDasharray: '8 6' } ),
			line( 'M150 128a28 28 0 0 1 6-55 40 40 0 0 1 76-8 32 32 0 0 1 16 63z', { fill: '#f2f7fd', stroke: BLUE } ),
			line( 'M200 118V84M186 97l14-14 14 14', { stroke: BLUE, strokeWidth: 4 } ),
			box( 150, 152, 100, 10, { fill: GREY } ),
			box( 300, 202, 76, 24, { fill: BLUE } ),
		],
		picker: () => [
			box( 76, 14, 220, 24, { rx: 12 } ),
			box( 16, 52, 70, 8 ),
			...rows( ( y, number ) => [
				box( 356, y + 2, 16, 16, { key: 'box', fill: number % 2 ? BLUE : '#fff', stroke: number % 2 ? BLUE : GREY } ),
				number % 2 ? line( `M359 ${ y + 10 }l4 4 7-8`, { stroke: '#fff' } ) : null,
			] ).map( ( node, key ) => el( 'g', { key }, node ) ),
		],
		preview: () => [
			box( 0, 0, 400, 36, { rx: 0 } ),
			box( 16, 13, 120, 10, { fill: GREY } ),
			line( 'M130 54h110l30 30v146H130z', { fill: '#fff' } ),
			line( 'M240 54v30h30' ),
			...[ 106, 126, 146, 166, 186 ].map( ( y, number ) => box( 148, y, [ 100, 84, 104, 70, 92 ][ number ], 8 ) ),
		],
	};

	function Drawing( { element, height } ) {
		const size = { viewBox: '0 0 400 240', preserveAspectRatio: 'xMidYMin meet', 'aria-hidden': true, focusable: false };
		return el(
			'div',
			useBlockProps( { className: 'widgets-for-box', style: { height } } ),
			el( 'svg', { className: 'widgets-for-box-drawing', ...size }, drawings[ element ]() ),
		);
	}

	/** Whether this is a picture of a block and not the block. WordPress 6.1 does not say. */
	function useIsPicture() {
		return useSelect( ( select ) => {
			const settings = select( 'core/block-editor' ).getSettings();
			// The older name complains where the newer one is known.
			return Boolean( 'isPreviewMode' in settings ? settings.isPreviewMode : settings.__unstableIsPreviewMode );
		}, [] );
	}

	function drawnInPreviews( element, Edit ) {
		return function DrawnInPreviews( props ) {
			return useIsPicture() ? el( Drawing, { element, height: props.attributes.height } ) : el( Edit, props );
		};
	}

	parts.drawnInPreviews = drawnInPreviews;
}( window.wp ) );
