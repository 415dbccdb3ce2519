/**
 * The blocks in the editor. No build step: this runs from WordPress 6.1 on as it is.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { apiFetch } = wp;
	const { InspectorControls, BlockControls, useBlockProps } = wp.blockEditor;
	const { registerBlockType } = wp.blocks;
	const { Button, CheckboxControl, Modal, Notice, PanelBody, RangeControl, TextControl, ToolbarButton, ToolbarGroup } = wp.components;
	const { createElement: el, Fragment, useEffect, useRef, useState } = wp.element;
	const { __, sprintf } = wp.i18n;
	const { icons, refusal, variations, AddressField, DisplayPanel, PathField, LiveView, drawnInPreviews, transforms } = window.widgetsForBoxEditor;

	// Nothing is left for others to call.
	delete window.widgetsForBoxEditor;

	/** What visitors may be allowed, by the names of shortcodes and blocks. */
	const PERMISSIONS = {
		preview: __( 'Preview files', 'widgets-for-box' ),
		download: __( 'Download files', 'widgets-for-box' ),
		upload: __( 'Upload files and create folders', 'widgets-for-box' ),
		rename: __( 'Rename', 'widgets-for-box' ),
		share: __( 'Create shared links', 'widgets-for-box' ),
		delete: __( 'Delete', 'widgets-for-box' ),
		annotation_edit: __( 'Annotate', 'widgets-for-box' ),
		annotation_view_all: __( 'See all annotations', 'widgets-for-box' ),
		annotation_view_self: __( 'See own annotations', 'widgets-for-box' ),
	};

	/** What a name alone does not say. */
	const HELP = {
		share: __( 'Makes links. Who can open them is up to your company’s settings at Box: it may be anyone who has the link.', 'widgets-for-box' ),
	};

	/** Kinds of items that a picker can offer. */
	const KINDS = {
		file: __( 'Files', 'widgets-for-box' ),
		folder: __( 'Folders', 'widgets-for-box' ),
		web_link: __( 'Bookmarks', 'widgets-for-box' ),
	};

	/** The four blocks: what they show and what they may be allowed. */
	const BLOCKS = {
		explorer: { resource: 'folder', can: [ 'preview', 'download', 'upload', 'rename', 'share', 'delete' ] },
		uploader: { resource: 'folder', can: [] },
		picker: { resource: 'folder', can: [ 'share', 'upload' ] },
		preview: { resource: 'file', can: [ 'download', 'annotation_edit', 'annotation_view_all', 'annotation_view_self' ] },
	};

	/** For those who see nothing to choose from in Box, or have the address at hand. */
	function ByAddress( { resource, onChoose } ) {
		const [ id, setId ] = useState( '' );
		return el(
			'form',
			{
				className: 'widgets-for-box-by-address',
				onSubmit: ( event ) => {
					event.preventDefault();
					onChoose( { id, name: '' } );
				},
			},
			el( AddressField, { resource, id, onChange: setId } ),
			el(
				Button,
				{ variant: 'secondary', type: 'submit', disabled: ! id },
				'file' === resource ? __( 'Use this file', 'widgets-for-box' ) : __( 'Use this folder', 'widgets-for-box' ),
			),
		);
	}

	/** Box's own picker, signed for the editor's account, to choose a folder or file without knowing its id. */
	function Chooser( { resource, onChoose, onClose } ) {
		const [ widget, setWidget ] = useState( '' );
		const [ problem, setProblem ] = useState( '' );
		const container = useRef();
		useEffect( () => {
			const attributes = { type: [ resource ], max: 1 };
			apiFetch( { path: '/widgets-for-box/v1/descriptor', method: 'POST', data: { element: 'picker', attributes } } ).then(
				( answer ) => setWidget( answer.widget ),
				( error ) => setProblem( error.message ),
			);
		}, [ resource ] );
		useEffect( () => {
			const node = container.current;
			if ( ! node ) {
				return undefined;
			}
			const chosen = ( event ) => event.detail[ 0 ] && onChoose( event.detail[ 0 ] );
			node.addEventListener( 'widgets-for-box:choose', chosen );
			node.addEventListener( 'widgets-for-box:cancel', onClose );
			return () => {
				node.removeEventListener( 'widgets-for-box:choose', chosen );
				node.removeEventListener( 'widgets-for-box:cancel', onClose );
			};
		}, [ widget, onChoose, onClose ] );
		const title = 'file' === resource ? __( 'Choose a Box file', 'widgets-for-box' ) : __( 'Choose a Box folder', 'widgets-for-box' );
		return el(
			Modal,
			{ title, onRequestClose: onClose, className: 'widgets-for-box-chooser' },
			problem && el( Notice, { status: 'error', isDismissible: false }, problem ),
			widget && el( 'div', { ref: container, className: 'widgets-for-box widgets-for-box-picker', 'data-widget': widget } ),
			el( ByAddress, { resource, onChoose } ),
		);
	}

	/** What the block shows, in words. */
	function describe( resource, id, name, view ) {
		if ( 'folder' === resource && '0' === id ) {
			return 'recents' === view ? __( 'Each visitor’s recent files', 'widgets-for-box' ) : __( 'Each visitor’s own root folder', 'widgets-for-box' );
		}
		if ( ! id ) {
			return 'file' === resource ? __( 'No file chosen yet', 'widgets-for-box' ) : __( 'No folder chosen yet', 'widgets-for-box' );
		}
		/* translators: 1: name of a Box folder or file, 2: its id. */
		return refusal( resource, id ) || ( name ? sprintf( __( '%1$s (id %2$s)', 'widgets-for-box' ), name, id ) : id );
	}

	/** Whose folder that is, and the way down from it. */
	function place( resource, attributes ) {
		const names = attributes.path ? attributes.path.split( '/' ) : [];
		return [ describe( resource, attributes[ resource ], attributes[ resource + 'Name' ], attributes.path ? '' : attributes.view ), ...names ].join( ' › ' );
	}

	/** A still picture of the widget: the editor shows no one's files. */
	function Picture( { element, attributes, children } ) {
		const { resource, can } = BLOCKS[ element ];
		const allowed = can.filter( ( name ) => ( attributes.can || [] ).includes( name ) );
		return el(
			'div',
			{ className: 'widgets-for-box-picture' },
			el( 'strong', {}, wp.blocks.getBlockType( 'widgets-for-box/' + element ).title ),
			el( 'span', {}, place( resource, attributes ) ),
			allowed.length > 0 && el( 'span', { className: 'widgets-for-box-allowed' }, allowed.map( ( name ) => PERMISSIONS[ name ] ).join( ' · ' ) ),
			children,
		);
	}

	/** Checkboxes for a list-valued attribute. */
	function CheckboxList( { labels, value, onChange } ) {
		return Object.keys( labels ).map( ( name ) =>
			el( CheckboxControl, {
				key: name,
				label: labels[ name ],
				help: HELP[ name ],
				checked: value.includes( name ),
				onChange: ( checked ) => onChange( Object.keys( labels ).filter( ( other ) => ( other === name ? checked : value.includes( other ) ) ) ),
				__nextHasNoMarginBottom: true,
			} ),
		);
	}

	function only( labels, names ) {
		return Object.fromEntries( names.map( ( name ) => [ name, labels[ name ] ] ) );
	}

	function Inspector( { element, attributes, setAttributes, choose } ) {
		const { resource, can } = BLOCKS[ element ];
		const set = ( name ) => ( value ) => setAttributes( { [ name ]: value } );
		const chooseLabel = 'file' === resource ? __( 'Choose file', 'widgets-for-box' ) : __( 'Choose folder', 'widgets-for-box' );
		return el(
			InspectorControls,
			{},
			el(
				PanelBody,
				{ title: 'file' === resource ? __( 'File', 'widgets-for-box' ) : __( 'Folder', 'widgets-for-box' ) },
				el( 'p', {}, place( resource, attributes ) ),
				el(
					'p',
					{ className: 'widgets-for-box-buttons' },
					el( Button, { variant: 'secondary', onClick: choose }, chooseLabel ),
					'folder' === resource && '0' !== attributes.folder &&
						el( Button, { variant: 'tertiary', onClick: () => setAttributes( { folder: '0', folderName: '' } ) }, __( 'Own root folder', 'widgets-for-box' ) ),
				),
				el( AddressField, {
					resource,
					id: attributes[ resource ],
					onChange: ( id ) => setAttributes( { [ resource ]: id, [ resource + 'Name' ]: '' } ),
				} ),
				'folder' === resource && el( PathField, { path: attributes.path, onChange: set( 'path' ) } ),
			),
			can.length > 0 &&
				el(
					PanelBody,
					{ title: __( 'Visitors may', 'widgets-for-box' ) },
					el( CheckboxList, { labels: only( PERMISSIONS, can ), value: attributes.can, onChange: set( 'can' ) } ),
					el( 'p', { className: 'description' }, __( 'Roles, the sidecar’s policy and Box itself can allow less.', 'widgets-for-box' ) ),
				),
			'picker' === element &&
				el(
					PanelBody,
					{ title: __( 'What can be chosen', 'widgets-for-box' ) },
					el( CheckboxList, { labels: KINDS, value: attributes.type, onChange: set( 'type' ) } ),
					el( RangeControl, {
						label: __( 'At most (0: any number)', 'widgets-for-box' ),
						value: attributes.max,
						onChange: set( 'max' ),
						min: 0,
						max: 100,
						__nextHasNoMarginBottom: true,
						__next40pxDefaultSize: true,
					} ),
					el( TextControl, {
						label: __( 'File name extensions', 'widgets-for-box' ),
						help: __( 'Such as: pdf, docx. Empty for all.', 'widgets-for-box' ),
						value: attributes.extensions,
						onChange: set( 'extensions' ),
						__nextHasNoMarginBottom: true,
						__next40pxDefaultSize: true,
					} ),
					el( TextControl, {
						label: __( 'Name of the form field', 'widgets-for-box' ),
						help: __( 'Inside a form, the choice is sent under this name. Letters, digits and hyphens.', 'widgets-for-box' ),
						value: attributes.name,
						onChange: ( value ) => setAttributes( { name: value.trim() } ),
						__nextHasNoMarginBottom: true,
						__next40pxDefaultSize: true,
					} ),
				),
			el( DisplayPanel, { element, attributes, setAttributes } ),
			el(
				PanelBody,
				{ title: __( 'Size', 'widgets-for-box' ), initialOpen: false },
				el( RangeControl, {
					label: __( 'Height in pixels', 'widgets-for-box' ),
					value: attributes.height,
					onChange: set( 'height' ),
					min: 200,
					max: 2000,
					step: 10,
					__nextHasNoMarginBottom: true,
					__next40pxDefaultSize: true,
				} ),
			),
		);
	}

	function edit( element ) {
		const { resource } = BLOCKS[ element ];
		return function Edit( { attributes, setAttributes, isSelected } ) {
			const [ isChoosing, setChoosing ] = useState( false );
			const [ isLive, setLive ] = useState( false );
			const hasResource = Boolean( attributes[ resource ] );
			const choose = () => setChoosing( true );
			const label = 'file' === resource ? __( 'Choose file', 'widgets-for-box' ) : __( 'Choose folder', 'widgets-for-box' );
			const onChoose = ( { id, name } ) => {
				setAttributes( { [ resource ]: String( id ), [ resource + 'Name' ]: name } );
				setChoosing( false );
			};
			return el(
				Fragment,
				{},
				el(
					BlockControls,
					{},
					el(
						ToolbarGroup,
						{},
						el( ToolbarButton, { icon: 'portfolio', label, onClick: choose } ),
						el( ToolbarButton, {
							icon: 'visibility',
							label: __( 'Show my own files', 'widgets-for-box' ),
							isPressed: isLive && hasResource,
							disabled: ! hasResource,
							onClick: () => setLive( ! isLive ),
						} ),
					),
				),
				el( Inspector, { element, attributes, setAttributes, choose } ),
				isChoosing && el( Chooser, { resource, onChoose, onClose: () => setChoosing( false ) } ),
				el(
					'div',
					useBlockProps( { className: 'widgets-for-box widgets-for-box-' + element, style: { height: attributes.height } } ),
					isLive && hasResource
						? el( LiveView, { element, attributes, isSelected } )
						: el( Picture, { element, attributes }, ! hasResource && el( Button, { variant: 'primary', onClick: choose }, label ) ),
				),
			);
		};
	}

	Object.keys( BLOCKS ).forEach( ( element ) => {
		registerBlockType( 'widgets-for-box/' + element, {
			icon: icons[ element ],
			variations: ( variations[ element ] || [] ).map( ( variation ) => ( { scope: [ 'inserter' ], ...variation } ) ),
			edit: drawnInPreviews( element, edit( element ) ),
			save: () => null,
			transforms: transforms( element, BLOCKS[ element ] ),
		} );
	} );
}( window.wp ) );
