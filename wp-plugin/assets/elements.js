/**
 * Box UI Elements: their files, and how they are shown.
 */
( function() {
	'use strict';

	const parts = window.widgetsForBox;
	const { Failure, getToken } = parts;

	/** For each element its class in window.Box and the events that are passed on to the page. */
	const ELEMENTS = {
		explorer: [ 'ContentExplorer', [ 'select', 'navigate', 'preview', 'download', 'upload', 'create', 'rename', 'delete' ] ],
		uploader: [ 'ContentUploader', [ 'beforeupload', 'upload', 'complete', 'error', 'close' ] ],
		picker: [ 'ContentPicker', [ 'choose', 'cancel' ] ],
		preview: [ 'ContentPreview', [ 'load', 'navigate', 'download', 'error' ] ],
	};

	/** What a descriptor says, as far as it makes sense: authors can write containers, too. */
	function decode( descriptor ) {
		let said;
		try {
			said = JSON.parse( atob( descriptor.split( '.' )[ 0 ].replace( /-/g, '+' ).replace( /_/g, '/' ) ) );
		} catch {
			said = null;
		}
		const { element, id, options } = Object( said );
		const known = typeof element === 'string' && Object.hasOwn( ELEMENTS, element ) && typeof id === 'string';
		return known ? { element, id, options } : {};
	}

	const files = new Map();

	/** Loads script or style sheet of an element once; a failed one may be tried again. */
	function load( file, { elements, text } ) {
		const url = elements.replace( '{file}', file );
		if ( ! files.has( url ) ) {
			files.set( url, new Promise( ( resolve, reject ) => {
				const style = file.endsWith( '.css' );
				const tag = document.createElement( style ? 'link' : 'script' );
				if ( style ) {
					tag.rel = 'stylesheet';
				}
				tag.onload = resolve;
				tag.onerror = () => {
					tag.remove();
					files.delete( url );
					reject( new Failure( 'elements', text.elements ) );
				};
				tag[ style ? 'href' : 'src' ] = url;
				document.head.append( tag );
			} ) );
		}
		return files.get( url );
	}

	/** Texts of a self-hosted copy. */
	function loadMessages( { elements, selfHosted } ) {
		const url = elements.replace( '{file}', 'messages.json' );
		if ( selfHosted && ! files.has( url ) ) {
			files.set( url, fetch( url )
				.then( ( response ) => ( response.ok ? response.json() : undefined ) )
				.catch( () => undefined ) );
		}
		return files.get( url );
	}

	/** Shows an Element. The widget says what becomes of it: isCurrent(), explain( failure ), recover(), tell( event ), opens( folder ), retried(). */
	function showElement( widget, container, { scopes, manages }, configuration, texts, { intercept, watch }, more ) {
		const [ name, events ] = ELEMENTS[ widget.element ];
		const box = new window.Box[ name ]();
		const passOn = ( event ) => ( data ) => widget.tell( event, data );
		const link = { ...widget, box, manages, text: configuration.text, getFresh: tokenFunction( widget, configuration.text ) };
		events.forEach( ( event ) => box.addListener( event, passOn( event ) ) );
		box.show( widget.id, link.getFresh, {
			...configuration.hosts,
			...permissions( scopes ),
			logoUrl: 'box',
			...( texts && { language: configuration.locale, messages: texts } ),
			...( widget.element === 'preview' && {
				hasHeader: true,
				onLoad: passOn( 'load' ),
				onNavigate: passOn( 'navigate' ),
				onDownload: passOn( 'download' ),
				onError: passOn( 'error' ),
			} ),
			...more,
			container,
			requestInterceptor: ( request ) => intercept( link, request ),
			responseInterceptor: ( response ) => watch( link, response ),
		} );
		return box;
	}

	/** A button without its scope would only fail. */
	function permissions( scopes ) {
		const has = ( scope ) => scopes.includes( 'item_' + scope );
		return {
			canPreview: has( 'preview' ),
			canDownload: has( 'download' ),
			canUpload: has( 'upload' ),
			canCreateNewFolder: has( 'upload' ),
			canRename: has( 'rename' ),
			canDelete: has( 'delete' ),
			canShare: has( 'share' ),
			// The picker makes a shared link of whatever is merely selected, unless told otherwise.
			canSetShareAccess: has( 'share' ),
			showAnnotations: scopes.some( ( scope ) => scope.startsWith( 'annotation_' ) ),
		};
	}

	/**
	 * What the Elements call before every request; given a list they only announce it. It waits for a failure that may
	 * pass, so that what was begun goes on. One that was taken away gets no more tokens: they may be another person's.
	 */
	function tokenFunction( { descriptor, isCurrent, explain, retried }, text ) {
		return async function getFresh( ids ) {
			try {
				const { token } = await getToken( descriptor );
				if ( ! isCurrent() ) {
					throw new Failure( 'gone', text.refused );
				}
				return Array.isArray( ids ) ? null : token;
			} catch ( failure ) {
				if ( ! isCurrent() ) {
					throw failure;
				}
				explain( failure );
				if ( failure.code === 'rest_not_logged_in' || failure.details?.final ) {
					throw failure;
				}
				await retried();
				return getFresh( ids );
			}
		};
	}

	Object.assign( parts, { decode, load, loadMessages, showElement } );
}() );
