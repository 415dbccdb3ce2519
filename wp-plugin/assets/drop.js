/**
 * Files dropped onto an explorer are uploaded into the folder that it shows. Dropped beside it they would take the
 * place of the page, which nobody means.
 */

/** Milliseconds to wait for the Element's upload dialog. */
const PATIENCE = 3000;

/** At most so many files are uploaded without another question; an Element takes 100 at once. */
const MANY = 100;

export default ( { widgets, text, announcement, add, explain, recover, Failure } ) => {
	const hasFiles = ( { dataTransfer } ) => Boolean( dataTransfer?.types.includes( 'Files' ) );

	/** The explorer at which an event aims, if its folder takes files now, as { container, component, folder }. */
	function aim( { target } ) {
		const container = target.closest?.( '.widgets-for-box-explorer' );
		const component = widgets.get( container )?.box?.getComponent?.();
		const folder = component?.props?.canUpload && component.state?.currentCollection;
		// A dialog is answered first; the one for uploads takes files by itself.
		const takes = folder?.permissions?.can_upload && folder.percentLoaded === 100 && ! container.querySelector( '[role="dialog"]' );
		return takes ? { container, component, folder } : null;
	}

	let zone = null;

	function hide() {
		zone?.remove();
		zone = null;
	}

	function show( { container, folder } ) {
		if ( zone?.parentNode !== container ) {
			hide();
			zone = add( container, 'p', { className: 'widgets-for-box-drop' } );
		}
		zone.textContent = text.drop.replace( '%s', () => folder.name );
	}

	/** Whether a field for files or somebody else's zone takes them. */
	function isTheirs( event ) {
		return event.defaultPrevented || event.composedPath().some( ( { tagName, type, disabled } ) => tagName === 'INPUT' && type === 'file' && ! disabled );
	}

	window.addEventListener( 'dragover', ( event ) => {
		if ( ! hasFiles( event ) || isTheirs( event ) ) {
			return hide();
		}
		event.preventDefault();
		const aimed = aim( event );
		event.dataTransfer.dropEffect = aimed ? 'copy' : 'none';
		return aimed ? show( aimed ) : hide();
	} );

	window.addEventListener( 'dragleave', ( { relatedTarget } ) => relatedTarget || hide() );

	window.addEventListener( 'drop', ( event ) => {
		hide();
		if ( ! hasFiles( event ) || isTheirs( event ) ) {
			return;
		}
		event.preventDefault();
		const aimed = aim( event );
		if ( aimed ) {
			take( aimed, event.dataTransfer );
		}
	} );

	/** Uploads what was dropped, all but folders: of those a browser gives no content here. */
	function take( { container, component }, { items, files } ) {
		const dropped = new DataTransfer();
		[ ...items ].filter( ( { kind } ) => kind === 'file' ).forEach( ( item, number ) => {
			if ( ! item.webkitGetAsEntry?.()?.isDirectory ) {
				dropped.items.add( files[ number ] );
			}
		} );
		if ( dropped.files.length < files.length ) {
			explain( container, new Failure( 'drop', text.dropFolders, { final: true } ) );
		} else {
			recover( container );
		}
		if ( dropped.files.length ) {
			component.upload();
			upload( container, component, dropped.files );
		}
	}

	/** Hands the files to the Element's own dialog, as if they had been chosen in it. */
	async function upload( container, component, files ) {
		// Of this person's widget: who comes next has dropped nothing.
		const isSame = () => widgets.get( container )?.box?.getComponent?.() === component;
		const field = await soon( () => isSame() && container.querySelector( '[role="dialog"] .bcu input[type="file"]' ) );
		if ( ! field ) {
			return;
		}
		const dialog = field.closest( '[role="dialog"]' );
		field.files = files;
		field.dispatchEvent( new Event( 'change', { bubbles: true } ) );
		announcement.textContent = [ ...files ].map( ( { name } ) => name ).join( ', ' );
		const button = files.length <= MANY && await soon( () => dialog.querySelector( '.bcu-footer-right button:last-child:not(:disabled,[aria-disabled="true"])' ) );
		button?.click?.();
	}

	/** What a function finds before long, else undefined. */
	async function soon( find ) {
		for ( const until = Date.now() + PATIENCE; Date.now() < until; ) {
			const found = find();
			if ( found ) {
				return found;
			}
			await new Promise( requestAnimationFrame );
		}
	}
};
