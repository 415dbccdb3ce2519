/**
 * What authors write to name a folder or file: its id, or the address that their browser shows for it.
 *
 * Nothing is guessed: a wrong id would show another folder. class-box-address.php reads the same on the server.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { TextControl } = wp.components;
	const { createElement: el, Fragment, useEffect, useRef, useState } = wp.element;
	const { __ } = wp.i18n;

	const ADDRESS = /^(?:https?:\/\/)?(?:(?:[a-z0-9-]+\.)?(?:app|ent)|[a-z0-9-]+)\.box\.com(\/[^?#\s]*)(?:[?#]\S*)?$/i;
	const PAGE = /^\/(folder|file)\/(0|[1-9]\d{0,19})\/?$/;
	const SHARED = /^\/(?:embed(?:_widget)?\/)?[sv]\//;
	const ID = /^(?:0|[1-9]\d{0,19})$/;

	/** What a text names: `kind` is folder, file, shared, id or undefined; `id` where there is one. */
	function read( text ) {
		const said = text.trim();
		if ( ID.test( said ) ) {
			return { kind: 'id', id: said };
		}
		const [ , path ] = ADDRESS.exec( said ) || [];
		const [ , kind, id ] = PAGE.exec( path ) || [];
		return kind ? { kind, id } : { kind: SHARED.test( path ) ? 'shared' : undefined };
	}

	/** Why a text can't stand for a folder or file, in a sentence; empty if it can. */
	function refusal( resource, text ) {
		const { kind, id } = read( text );
		const isFile = 'file' === resource;
		if ( ( 'id' === kind || kind === resource ) && ! ( isFile && '0' === id ) ) {
			return '';
		}
		if ( 'shared' === kind ) {
			return isFile
				? __( 'A shared link does not say which file it leads to. Open the file in Box and copy the address of that page.', 'widgets-for-box' )
				: __( 'A shared link does not say which folder it leads to. Open the folder in Box and copy the address of that page.', 'widgets-for-box' );
		}
		if ( isFile ) {
			return 'folder' === kind
				? __( 'This is the address of a folder; a preview shows a file.', 'widgets-for-box' )
				: __( 'This is neither the id nor the address of a Box file, such as https://app.box.com/file/123456789.', 'widgets-for-box' );
		}
		return 'file' === kind
			? __( 'This is the address of a file; here a folder is needed.', 'widgets-for-box' )
			: __( 'This is neither the id nor the address of a Box folder, such as https://app.box.com/folder/123456789.', 'widgets-for-box' );
	}

	/** A field for either. What is refused changes nothing: the block shows what it showed before. */
	function AddressField( { resource, id, onChange } ) {
		const [ draft, setDraft ] = useState( null );
		const before = useRef( id );
		const own = useRef( id );
		const text = null === draft ? id : draft;
		const problem = text && refusal( resource, text );
		const change = ( value ) => {
			const none = 'folder' === resource ? '0' : '';
			const named = refusal( resource, value ) ? before.current : read( value ).id;
			own.current = value.trim() ? named : none;
			setDraft( value );
			onChange( own.current );
		};
		// Chosen elsewhere meanwhile: with that the draft has come to nothing.
		useEffect( () => {
			if ( id !== own.current ) {
				own.current = id;
				setDraft( null );
			}
		}, [ id ] );
		return el(
			Fragment,
			{},
			el( TextControl, {
				label: 'file' === resource ? __( 'Which file?', 'widgets-for-box' ) : __( 'Which folder?', 'widgets-for-box' ),
				help: __( 'Its address in Box, or its id.', 'widgets-for-box' ),
				value: text,
				onFocus: () => {
					before.current = id;
				},
				onBlur: () => ! problem && setDraft( null ),
				onChange: change,
				'aria-invalid': problem ? true : undefined,
				__nextHasNoMarginBottom: true,
				__next40pxDefaultSize: true,
			} ),
			el( 'div', { role: 'status', className: 'widgets-for-box-refusal' }, problem || null ),
		);
	}

	/** As class-folder-path.php has it. */
	const PATH = /^(?!.*[\p{Cc}\p{Zl}\p{Zp}\\])((?!\.{1,2}(\/|$)|[\s\p{Z}])[^/]{1,255}(?<![\s\p{Z}])(\/(?!$)|$)){1,8}$/su;

	/** A field for the names of folders below. What is refused changes nothing, and stays to be seen until the field is left. */
	function PathField( { path, onChange } ) {
		const [ draft, setDraft ] = useState( null );
		const text = null === draft ? path : draft;
		const isPath = ! text || ( text.length <= 512 && PATH.test( text ) );
		return el(
			Fragment,
			{},
			el( TextControl, {
				label: __( 'Folder path', 'widgets-for-box' ),
				help: __( 'Names of folders below it, such as Receipts/2026. Below the own root folder, each visitor sees their own.', 'widgets-for-box' ),
				value: text,
				onBlur: () => isPath && setDraft( null ),
				onChange: ( value ) => {
					setDraft( value );
					if ( ! value || ( value.length <= 512 && PATH.test( value ) ) ) {
						onChange( value );
					}
				},
				'aria-invalid': isPath ? undefined : true,
				__nextHasNoMarginBottom: true,
				__next40pxDefaultSize: true,
			} ),
			el( 'div', { role: 'status', className: 'widgets-for-box-refusal' }, isPath ? null : __( 'This is no folder path. Write the names of at most eight folders with a slash between two, such as Receipts/2026.', 'widgets-for-box' ) ),
		);
	}

	window.widgetsForBoxEditor = { read, refusal, AddressField, PathField };
}( window.wp ) );
