/**
 * What blocks are made from and become: shortcodes, and addresses of Box that are pasted.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { createBlock } = wp.blocks;
	const parts = window.widgetsForBoxEditor;
	const { optionsFrom, optionsOf, read, refusal } = parts;

	/** The block that shows what a pasted address leads to. */
	const SHOWN_BY = { explorer: 'folder', preview: 'file' };

	/** Before WordPress makes an embed of an address, which Box would not fill. */
	const PRIORITY = 5;

	function list( text ) {
		return ( text || '' ).split( /[\s,]+/ ).filter( Boolean ).map( ( name ) => name.replace( /^item_/, '' ) );
	}

	/** A block's attributes from a shortcode's. */
	function fromShortcode( element, { resource }, named ) {
		const attributes = {};
		if ( named[ resource ] ) {
			// What is no address stays as it is, for the editor to say so.
			attributes[ resource ] = refusal( resource, named[ resource ] ) ? named[ resource ] : read( named[ resource ] ).id;
		}
		if ( named.path && 'folder' === resource ) {
			attributes.path = named.path;
		}
		if ( undefined !== named.can ) {
			attributes.can = list( named.can );
		}
		if ( parseInt( named.height, 10 ) ) {
			attributes.height = parseInt( named.height, 10 );
		}
		if ( 'picker' === element ) {
			Object.assign( attributes, named.type && { type: list( named.type ) }, named.max && { max: parseInt( named.max, 10 ) || 0 }, named.extensions && { extensions: named.extensions }, named.name && { name: named.name } );
		}
		return Object.assign( attributes, optionsFrom( element, named ) );
	}

	function toShortcode( element, { resource, can }, attributes ) {
		const named = { [ resource ]: attributes[ resource ], height: String( attributes.height ) };
		if ( attributes.path ) {
			named.path = attributes.path;
		}
		if ( can.length ) {
			named.can = attributes.can.join( ',' );
		}
		if ( 'picker' === element ) {
			Object.assign( named, { type: attributes.type.join( ',' ), max: String( attributes.max ), extensions: attributes.extensions }, attributes.name && { name: attributes.name } );
		}
		return wp.shortcode.string( { tag: 'box_' + element, type: 'single', attrs: { named: { ...named, ...optionsOf( element, attributes ) } } } );
	}

	/** A shared link stays a link, and the author learns why. */
	function sharedLink( address ) {
		wp.data.dispatch( 'core/notices' ).createWarningNotice( refusal( 'folder', address ), { id: 'widgets-for-box-shared-link' } );
		const link = Object.assign( document.createElement( 'a' ), { href: address, textContent: address } );
		return createBlock( 'core/paragraph', { content: link.outerHTML } );
	}

	/** An address on a line of its own, or in an embed that was made of one. */
	function pasted( element, name ) {
		const resource = SHOWN_BY[ element ];
		if ( ! resource ) {
			return [];
		}
		const isShown = ( text ) => /^\s*https?:/i.test( text ) && ! refusal( resource, text );
		const isShared = ( text ) => 'shared' === read( text ).kind;
		const show = ( text ) => createBlock( name, { [ resource ]: read( text ).id } );
		const raw = ( fits, transform ) => ( {
			type: 'raw',
			priority: PRIORITY,
			isMatch: ( node ) => 'P' === node.nodeName && fits( node.textContent ),
			transform: ( node ) => transform( node.textContent.trim() ),
		} );
		return [
			raw( isShown, show ),
			...( 'explorer' === element ? [ raw( isShared, sharedLink ) ] : [] ),
			{
				type: 'block',
				blocks: [ 'core/embed' ],
				isMatch: ( { url } ) => isShown( url || '' ),
				transform: ( { url } ) => show( url ),
			},
		];
	}

	/** What a block is made from and becomes; `block` is what the editor knows of the element. */
	function transforms( element, block ) {
		const tag = 'box_' + element;
		const name = 'widgets-for-box/' + element;
		const parse = ( text ) => wp.shortcode.next( tag, text )?.shortcode.attrs.named;
		return {
			from: [
				{
					type: 'shortcode',
					tag,
					transform: ( { named } ) => createBlock( name, fromShortcode( element, block, named ) ),
				},
				{
					type: 'block',
					blocks: [ 'core/shortcode' ],
					isMatch: ( { text } ) => Boolean( parse( text || '' ) ),
					transform: ( { text } ) => createBlock( name, fromShortcode( element, block, parse( text ) ) ),
				},
				...pasted( element, name ),
			],
			to: [
				{
					type: 'block',
					blocks: [ 'core/shortcode' ],
					// A shortcode has no way to write these, and would say something else.
					isMatch: ( { path, title, choose, cancel } ) => ! /["[\]<>]/.test( [ path, title, choose, cancel ].join( '' ) ),
					transform: ( attributes ) => createBlock( 'core/shortcode', { text: toShortcode( element, block, attributes ) } ),
				},
			],
		};
	}

	parts.transforms = transforms;
}( window.wp ) );
