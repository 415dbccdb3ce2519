/**
 * An upload shows at once in whatever explorer of the page has its folder open, and it is said what lies where.
 */

/** Milliseconds to wait for more files of the same upload. */
const GATHERING = 400;

export default ( { widgets, events, configuration, text, add, announcement, part } ) => {
	part( 'drop' ).catch( () => {} );

	/** Uploaded files by the widget that they came through. */
	const uploaded = new Map();
	let timer;

	const folderOf = ( { folder, id } ) => folder || id;
	const fill = ( sentence, ...values ) => sentence.replace( /%(\d)\$s/g, ( gap, number ) => values[ number - 1 ] );

	/** Explorers as [ container, widget ]. */
	const explorers = () => [ ...widgets ].filter( ( [ , { element, box } ] ) => element === 'explorer' && box );

	const isRecent = ( { box } ) => box?.getComponent?.()?.state?.view === 'recents';

	function refresh( { box }, folder ) {
		// It would show what it remembers.
		box.getComponent?.()?.clearCache?.();
		box.navigateTo( folder );
	}

	/** Whether a row is about one of these files: its name stands alone in some element of the row. */
	function isAbout( row, names ) {
		return [ ...row.querySelectorAll( '*' ) ].some( ( node ) => ! node.children.length && names.includes( node.textContent ) );
	}

	/** New files of this visit, as [ folder, name ], by the explorer in which they are marked. */
	const marked = new Map();

	/** Marks the rows of new files, as soon and as often as they are shown: an explorer uses its rows again for others. */
	function mark( container, files ) {
		const look = () => {
			const widget = widgets.get( container ) || {};
			const names = ( marked.get( container ) || [] ).filter( ( { folder } ) => isRecent( widget ) || folder === folderOf( widget ) ).map( ( file ) => file.name );
			container.querySelectorAll( '[role="row"]' ).forEach( ( row ) => row.classList.toggle( 'widgets-for-box-new', isAbout( row, names ) ) );
		};
		if ( ! marked.has( container ) ) {
			new MutationObserver( look ).observe( container, { childList: true, characterData: true, subtree: true } );
		}
		const added = files.map( ( { name, parent } ) => ( { folder: parent.id, name } ) );
		marked.set( container, [ ...( marked.get( container ) || [] ), ...added ] );
		look();
	}

	// Whoever comes next has uploaded nothing.
	events.addEventListener( 'person', () => {
		clearTimeout( timer );
		uploaded.clear();
		marked.forEach( ( files, container ) => marked.set( container, [] ) );
	} );

	function say( container, files ) {
		container.querySelector( ':scope > .widgets-for-box-success' )?.remove();
		const notice = document.createElement( 'div' );
		notice.className = 'widgets-for-box-success';
		container.prepend( notice );
		for ( const { name, parent, etag } of files.slice( 0, 3 ) ) {
			// Box counts versions from 0.
			const sentence = Number( etag ) > 0 ? text.newVersion : text.uploaded;
			add( notice, 'p', { textContent: fill( sentence, name, parent.name ) } );
		}
		if ( files.length > 3 ) {
			add( notice, 'p', { textContent: '+ ' + ( files.length - 3 ) } );
		}
		announcement.textContent = notice.textContent;
		const [ place, widget ] = explorers().find( ( [ , { id } ] ) => [ '0', files[ 0 ].parent.id ].includes( id ) ) || [];
		if ( place && place !== container ) {
			const open = add( notice, 'button', { type: 'button', className: configuration.button, textContent: text.open } );
			open.addEventListener( 'click', () => {
				refresh( widget, files[ 0 ].parent.id );
				mark( place, files );
				place.tabIndex = -1;
				place.focus();
			} );
		}
	}

	function show() {
		uploaded.forEach( ( files, source ) => {
			explorers().forEach( ( [ container, widget ] ) => {
				const here = files.filter( ( { parent } ) => parent.id === folderOf( widget ) );
				if ( isRecent( widget ) ) {
					widget.box.getComponent().showRecents( false );
					mark( container, files );
				} else if ( here.length ) {
					if ( container !== source ) {
						refresh( widget, folderOf( widget ) );
					}
					mark( container, here );
				}
			} );
			if ( widgets.get( source )?.element === 'uploader' ) {
				say( source, files );
			}
		} );
		uploaded.clear();
	}

	// Files that come with a folder of Box's are those of a folder whose upload was begun: the Element makes the folders,
	// and would wait for another click.
	document.addEventListener( 'widgets-for-box:beforeupload', ( { target, detail } ) => {
		if ( [ detail ].flat().some( ( file ) => file?.options?.folderId ) ) {
			setTimeout( () => widgets.get( target )?.box?.getComponent?.()?.upload?.() );
		}
	} );

	document.addEventListener( 'widgets-for-box:upload', ( { target, detail } ) => {
		const files = [ detail ].flat().filter( ( file ) => file?.name && file.parent );
		if ( widgets.has( target ) && files.length ) {
			uploaded.set( target, [ ...( uploaded.get( target ) || [] ), ...files ] );
			clearTimeout( timer );
			timer = setTimeout( show, GATHERING );
		}
	} );
};
