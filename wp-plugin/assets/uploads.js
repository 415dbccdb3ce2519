/**
 * An upload shows at once in whatever explorer of the page has its folder open, and it is said what lies where.
 */

/** Milliseconds to wait for more files of the same upload. */
const GATHERING = 400;

export default ( { widgets, text, add, announcement } ) => {
	/** Uploaded files by the widget that they came through. */
	const uploaded = new Map();
	let timer;

	const folderOf = ( { folder, id } ) => folder || id;
	const fill = ( sentence, ...values ) => sentence.replace( /%(\d)\$s/g, ( gap, number ) => values[ number - 1 ] );

	/** Explorers as [ container, widget ]. */
	const explorers = () => [ ...widgets ].filter( ( [ , { element, box } ] ) => element === 'explorer' && box );

	function refresh( { box }, folder ) {
		// It would show what it remembers.
		box.getComponent?.()?.clearCache?.();
		box.navigateTo( folder );
	}

	/** Marks the rows of new files, as soon as they are there. */
	function mark( container, names ) {
		const look = () => container.querySelectorAll( '[role="row"]' ).forEach( ( row ) => {
			row.classList.toggle( 'widgets-for-box-new', names.some( ( name ) => row.textContent.includes( name ) ) );
		} );
		const watch = new MutationObserver( look );
		watch.observe( container, { childList: true, subtree: true } );
		setTimeout( () => watch.disconnect(), 10000 );
		look();
	}

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
			const open = add( notice, 'button', { type: 'button', className: 'wp-element-button', textContent: text.open } );
			open.addEventListener( 'click', () => {
				refresh( widget, files[ 0 ].parent.id );
				mark( place, files.map( ( { name } ) => name ) );
				place.tabIndex = -1;
				place.focus();
			} );
		}
	}

	function show() {
		uploaded.forEach( ( files, source ) => {
			explorers().forEach( ( [ container, widget ] ) => {
				const here = files.filter( ( { parent } ) => parent.id === folderOf( widget ) );
				if ( here.length ) {
					if ( container !== source ) {
						refresh( widget, folderOf( widget ) );
					}
					mark( container, here.map( ( { name } ) => name ) );
				}
			} );
			if ( widgets.get( source )?.element === 'uploader' ) {
				say( source, files );
			}
		} );
		uploaded.clear();
	}

	document.addEventListener( 'widgets-for-box:upload', ( { target, detail } ) => {
		const files = [ detail ].flat().filter( ( file ) => file?.name && file.parent );
		if ( widgets.has( target ) && files.length ) {
			uploaded.set( target, [ ...( uploaded.get( target ) || [] ), ...files ] );
			clearTimeout( timer );
			timer = setTimeout( show, GATHERING );
		}
	} );
};
