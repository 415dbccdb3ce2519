/**
 * How an Element looks and begins: the options that class-options.php signs, and the widget's name.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { MediaUpload, MediaUploadCheck } = wp.blockEditor;
	const { Button, PanelBody, RangeControl, SelectControl, TextControl, ToggleControl } = wp.components;
	const { createElement: el } = wp.element;
	const { __ } = wp.i18n;
	const parts = window.widgetsForBoxEditor;

	/** The attributes of each block that are chosen here. */
	const OPTIONS = {
		explorer: [ 'view', 'sort', 'order', 'logo', 'load', 'title' ],
		uploader: [ 'folders', 'limit', 'load', 'title' ],
		picker: [ 'sort', 'order', 'choose', 'cancel', 'logo', 'load', 'title' ],
		preview: [ 'logo', 'load', 'title' ],
	};

	/** An empty choice is what the Element does by itself. */
	const CHOICES = {
		view: [ __( 'Shown first', 'widgets-for-box' ), { '': __( 'The folder', 'widgets-for-box' ), recents: __( 'Recent files', 'widgets-for-box' ) } ],
		sort: [ __( 'Sorted by', 'widgets-for-box' ), { '': __( 'Name', 'widgets-for-box' ), date: __( 'Date', 'widgets-for-box' ), size: __( 'Size', 'widgets-for-box' ) } ],
		order: [ __( 'Order', 'widgets-for-box' ), { '': __( 'Ascending', 'widgets-for-box' ), desc: __( 'Descending', 'widgets-for-box' ) } ],
		load: [ __( 'Loads', 'widgets-for-box' ), { '': __( 'By itself', 'widgets-for-box' ), click: __( 'When its button is pressed', 'widgets-for-box' ) } ],
	};

	const TEXTS = {
		choose: [ __( 'Hint at the button “Choose”', 'widgets-for-box' ), __( 'Box draws a tick; this is what it says when pointed at.', 'widgets-for-box' ) ],
		cancel: [ __( 'Hint at the button “Cancel”', 'widgets-for-box' ), __( 'Box draws a cross; this is what it says when pointed at.', 'widgets-for-box' ) ],
		title: [ __( 'Name of the widget', 'widgets-for-box' ), __( 'For screen readers, where a page has several. Headings are blocks of their own.', 'widgets-for-box' ) ],
	};

	const STYLE = { __nextHasNoMarginBottom: true, __next40pxDefaultSize: true };

	function Choice( { name, value, onChange } ) {
		const [ label, choices ] = CHOICES[ name ];
		const options = Object.keys( choices ).map( ( key ) => ( { value: key, label: choices[ key ] } ) );
		return el( SelectControl, { label, options, value: value in choices ? value : '', onChange, ...STYLE } );
	}

	/** Box's, none, or a picture of the media library: others would learn who looks at the page. */
	function Logo( { value, onChange } ) {
		const options = [
			{ value: '', label: __( 'Box’s', 'widgets-for-box' ) },
			{ value: 'none', label: __( 'None', 'widgets-for-box' ) },
			...( value && 'none' !== value ? [ { value, label: value.split( '/' ).pop() } ] : [] ),
		];
		return el(
			'div',
			{ className: 'widgets-for-box-logo' },
			el( SelectControl, { label: __( 'Logo', 'widgets-for-box' ), options, value, onChange, ...STYLE } ),
			el( MediaUploadCheck, {}, el( MediaUpload, {
				allowedTypes: [ 'image' ],
				onSelect: ( { url } ) => onChange( url ),
				render: ( { open } ) => el( Button, { variant: 'secondary', onClick: open }, __( 'Choose a picture', 'widgets-for-box' ) ),
			} ) ),
		);
	}

	function Field( { name, attributes, setAttributes } ) {
		const value = attributes[ name ];
		const onChange = ( chosen ) => setAttributes( { [ name ]: chosen } );
		if ( CHOICES[ name ] ) {
			return el( Choice, { name, value: value || '', onChange } );
		}
		if ( TEXTS[ name ] ) {
			const [ label, help ] = TEXTS[ name ];
			return el( TextControl, { label, help, value: value || '', onChange, ...STYLE } );
		}
		if ( 'logo' === name ) {
			return el( Logo, { value: value || '', onChange } );
		}
		if ( 'folders' === name ) {
			return el( ToggleControl, { label: __( 'Whole folders, too', 'widgets-for-box' ), checked: Boolean( value ), onChange, __nextHasNoMarginBottom: true } );
		}
		return el( RangeControl, { label: __( 'Files at once (0: Box’s own limit)', 'widgets-for-box' ), value: value || 0, onChange, min: 0, max: 1000, ...STYLE } );
	}

	function DisplayPanel( { element, attributes, setAttributes } ) {
		// Recent files are those of a person, not of a folder.
		const names = OPTIONS[ element ].filter( ( name ) => 'view' !== name || ( '0' === attributes.folder && ! attributes.path ) );
		return el(
			PanelBody,
			{ title: __( 'Display', 'widgets-for-box' ), initialOpen: false, className: 'widgets-for-box-display' },
			names.map( ( name ) => el( Field, { key: name, name, attributes, setAttributes } ) ),
		);
	}

	/** Options of a block from those of a shortcode. */
	function optionsFrom( element, named ) {
		const { attributes } = wp.blocks.getBlockType( 'widgets-for-box/' + element );
		const read = {
			string: ( text, name ) => ( CHOICES[ name ] ? text.toLowerCase() : text ),
			number: ( text ) => parseInt( text, 10 ) || 0,
			boolean: ( text ) => /^(1|true|on|yes)$/i.test( text ),
		};
		const written = OPTIONS[ element ].filter( ( name ) => named[ name ] );
		return Object.fromEntries( written.map( ( name ) => [ name, read[ attributes[ name ].type ]( named[ name ], name ) ] ) );
	}

	/** What of them differs from what the Element does by itself, for a shortcode. */
	function optionsOf( element, attributes ) {
		const chosen = OPTIONS[ element ].filter( ( name ) => attributes[ name ] );
		return Object.fromEntries( chosen.map( ( name ) => [ name, String( attributes[ name ] ) ] ) );
	}

	Object.assign( parts, { DisplayPanel, optionsFrom, optionsOf } );
}( window.wp ) );
