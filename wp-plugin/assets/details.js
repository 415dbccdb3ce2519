/**
 * A file that is opened in an explorer and may not be previewed: what it is, and what is allowed instead of nothing.
 */

/** What a size is counted in, each 1,024 of the one before: as Box does. */
const UNITS = [ 'byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte' ];

export default ( { widgets, configuration, text, add } ) => {
	function sizeOf( bytes, language ) {
		const power = Math.min( Math.floor( Math.log2( Math.max( bytes, 1 ) ) / 10 ), UNITS.length - 1 );
		const number = bytes / ( 1024 ** power );
		return number.toLocaleString( language, { style: 'unit', unit: UNITS[ power ], unitDisplay: power ? 'short' : 'long', maximumFractionDigits: 1 } );
	}

	/** Each detail as [ term, description ], as far as Box tells it. */
	function detailsOf( { size, modified_at: changed, modified_by: person }, language ) {
		const when = new Date( changed );
		const date = Number.isNaN( when.getTime() ) ? '' : when.toLocaleDateString( language, { dateStyle: 'long' } );
		return [
			[ text.size, Number.isFinite( size ) ? sizeOf( size, language ) : '' ],
			[ text.changed, [ date, person?.name ].filter( Boolean ).join( ', ' ) ],
		].filter( ( [ , description ] ) => description );
	}

	function show( container, component, file ) {
		const mayDownload = component.props.canDownload && file.permissions?.can_download;
		const dialog = add( container, 'dialog', { className: 'widgets-for-box-dialog' } );
		dialog.setAttribute( 'aria-label', file.name );
		add( dialog, 'p', { className: 'widgets-for-box-dialog-title', textContent: file.name } );
		add( dialog, 'p', { textContent: mayDownload ? text.noPreview : text.noPreviewNoDownload } );
		const list = add( dialog, 'dl', {} );
		detailsOf( file, container.lang || document.documentElement.lang || undefined ).forEach( ( [ term, description ] ) => {
			add( list, 'dt', { textContent: term } );
			add( list, 'dd', { textContent: description } );
		} );
		const buttons = add( dialog, 'form', { method: 'dialog' } );
		if ( mayDownload ) {
			const download = add( buttons, 'button', { className: configuration.button, textContent: text.download } );
			download.addEventListener( 'click', () => component.download( file ) );
		}
		add( buttons, 'button', { className: configuration.button, textContent: text.close } );
		dialog.addEventListener( 'close', () => dialog.remove() );
		dialog.showModal();
	}

	/** What was opened, as { container, component, item }: a row, and nothing with an action of its own in it. */
	function opened( { target } ) {
		const row = target.closest?.( '.widgets-for-box-explorer [role="row"][data-key]' );
		const container = row && ! target.closest( 'button, a, input' ) && row.closest( '.widgets-for-box-explorer' );
		const component = widgets.get( container )?.box?.getComponent?.();
		const item = component?.state?.currentCollection?.items?.find( ( { id } ) => id === row.dataset.key );
		return { container, component, item };
	}

	/** Goes on where the Element stops: at files without preview, and on touch screens at whatever is no folder. */
	function help( event ) {
		const { container, component, item } = opened( event );
		if ( ! item || item.type === 'folder' ) {
			return;
		}
		if ( item.type === 'file' && ! ( component.props.canPreview && item.permissions?.can_preview ) ) {
			// The key that opens the dialog must not press its first button.
			event.preventDefault();
			show( container, component, item );
		} else if ( component.props.isTouch ) {
			component.preview( item );
		}
	}

	// Before the Element's own rows, which let nobody else know.
	document.addEventListener( 'click', help, true );
	document.addEventListener( 'keydown', ( event ) => event.key === 'Enter' && help( event ), true );
};
